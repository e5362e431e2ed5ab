"""QR codes as inline SVG."""

from __future__ import annotations

import io

# Modules of white round the code that readers rely on (ISO/IEC 18004).
_QUIET_ZONE = 4


def svg(text: str) -> str:
    """`text` as a QR code that scales to its container; decoration for a screen reader, which reads the text beside."""
    import segno

    out = io.BytesIO()
    segno.make_qr(text, error="m").save(
        out,
        kind="svg",
        border=_QUIET_ZONE,
        xmldecl=False,
        svgns=True,
        nl=False,
        omitsize=True,
        dark="#000",
        light="#fff",
    )
    return out.getvalue().decode()
