# ruff: noqa: N999 (PyInstaller finds hooks by this name)
"""PyInstaller: names are imported when they are first used, and scripts and templates lie beside the modules."""

from PyInstaller.utils.hooks import collect_data_files, collect_submodules

datas = collect_data_files("inventpay", includes=["**/*.lua", "**/*.html", "**/*.css", "**/*.js", "**/*.svg"])
hiddenimports = collect_submodules("inventpay", on_error="ignore")
