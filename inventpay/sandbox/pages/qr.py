"""QR codes as inline SVG."""

from __future__ import annotations

import io

# White modules around the code, which readers need (ISO/IEC 18004).
_QUIET_ZONE = 4


def svg(text: str) -> str:
    """Return ``text`` as a QR code that scales to its container; screen readers skip it and read the text beside it."""
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
