"""Settings of the documentation site: ``nox -s docs`` builds it with warnings as errors and checks its links."""

from __future__ import annotations

import sys
from pathlib import Path

HERE = Path(__file__).parent
sys.path[:0] = [str(HERE / "_ext"), str(HERE.parent)]

from inventpay.version import VERSION  # noqa: E402

project = "inventpay"
author = "The inventpay SDK contributors"
project_copyright = f"2026, {author}"
release = version = VERSION

extensions = [
    "myst_parser",
    "sphinx.ext.autodoc",
    "sphinx.ext.napoleon",
    "sphinx_copybutton",
    "public_names",
]
exclude_patterns = ["_build", "_ext", "take_screenshots.py", "llms.txt"]
# Single backticks are code in the docstrings, as they are in Markdown.
default_role = "code"

myst_enable_extensions = ["attrs_block", "colon_fence", "deflist", "tasklist"]
myst_heading_anchors = 3

autodoc_default_options = {"undoc-members": True}
autodoc_member_order = "bysource"
autodoc_typehints = "signature"
autodoc_typehints_format = "short"
autodoc_class_signature = "mixed"
autodoc_preserve_defaults = False
autodoc_inherit_docstrings = False
# PaymentStatus and some others exist in `inventpay` and in `inventpay.sandbox`; signatures show their short names.
suppress_warnings = ["ref.python"]
python_use_unqualified_type_names = True
python_maximum_signature_line_length = 100
add_module_names = False
toc_object_entries_show_parents = "hide"

copybutton_prompt_text = r">>> |\.\.\. |\$ "
copybutton_prompt_is_regexp = True
copybutton_exclude = ".linenos, .gp, .go"

# Addresses of other hosts change without us; `nox -s docs -- --external` checks them too.
linkcheck_ignore = [r"https?://(?!localhost)", r"http://localhost:\d+"]

html_theme = "furo"
html_title = f"inventpay {VERSION}"
html_static_path = ["_static"]
html_css_files = ["site.css"]
html_extra_path = ["llms.txt"]
html_theme_options = {"top_of_page_buttons": [], "navigation_with_keys": True}
html_show_sourcelink = False
html_copy_source = False
