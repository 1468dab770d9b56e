"""What a file is that is not one of the pictures we read, told by its first bytes, with the way out.

    what_it_is(b"%PDF-1.7 ...")      # 'it is a PDF; export the page as PNG or JPEG first'

Downloads go wrong in few ways: a web page, an error in JSON or a Git LFS pointer in place of the file, a phone's HEIC, a vector
drawing. Not covered: file names; their endings often lie.
"""

from __future__ import annotations

import re

FORMATS = ("PNG", "JPEG", "WEBP", "GIF", "BMP", "TIFF", "PPM", "AVIF", "JPEG2000", "ICO")  # no EPS: it runs Ghostscript
_CONVERT = "convert it to PNG or JPEG first"
_DOWNLOAD = "download the picture again"
_HEAD = 1024
_BRANDS = {  # ISO base media: bytes 8 to 12, after "ftyp"
    (b"heic", b"heix", b"heim", b"heis", b"hevc", b"hevx", b"mif1", b"msf1"): f"it is HEIC/HEIF; {_CONVERT} (heif-convert does)",
    (b"avif", b"avis"): f"it is AVIF, which this build of Pillow cannot read; {_CONVERT}",
    (b"crx ",): f"it is a raw photograph (CR3); {_CONVERT}",
    (b"qt  ", b"isom", b"iso2", b"iso4", b"iso5", b"iso6", b"mp41", b"mp42", b"avc1", b"M4V ", b"3gp4", b"3gp5"): (
        "it is a video; take a frame of it as PNG or JPEG"
    ),
}
_MAGIC = {
    b"%PDF": "it is a PDF; export the page as PNG or JPEG first",
    b"%!PS": f"it is PostScript; {_CONVERT}",
    b"version https://git-lfs": "it is a Git LFS pointer, not the file itself; run `git lfs pull`",
    b"/annex/objects/": "it is a git-annex pointer, not the file itself; run `git annex get`",
    b"\x1f\x8b": "it is compressed with gzip; unpack it first",
    b"PK\x03\x04": "it is a ZIP archive; unpack it first",
    b"BZh": "it is compressed with bzip2; unpack it first",
    b"\xfd7zXZ": "it is compressed with xz; unpack it first",
    b"\x28\xb5\x2f\xfd": "it is compressed with zstd; unpack it first",
    b"PAR1": "it is a Parquet file; give the file itself as tasks, or the picture in its rows",
    b"\x93NUMPY": "it is a NumPy array; save it as PNG first",
    b"\x89HDF": "it is an HDF5 file; save the picture in it as PNG first",
    b"8BPS": f"it is a Photoshop file; {_CONVERT}",
    b"\xff\x0a": f"it is JPEG XL; {_CONVERT}",
    b"\x00\x00\x00\x0cJXL ": f"it is JPEG XL; {_CONVERT}",
    b"v/1\x01": f"it is OpenEXR; {_CONVERT}",
    b"qoif": f"it is QOI; {_CONVERT}",
    b"\x0a\x05\x01": f"it is PCX; {_CONVERT}",
    b"FUJIFILMCCD-RAW": f"it is a raw photograph; {_CONVERT}",
    b"\x1a\x45\xdf\xa3": "it is a video; take a frame of it as PNG or JPEG",
    b"data:": "it is a data URL, not the bytes in it; decode its base64 first",
    b"/9j/": "it is base64 text of a JPEG, not the bytes; decode it first",
    b"iVBORw0KGgo": "it is base64 text of a PNG, not the bytes; decode it first",
    b"UklGR": "it is base64 text of a WebP, not the bytes; decode it first",
    b"http://": "it is an address; download the picture, or give the address as the row's image",
    b"https://": "it is an address; download the picture, or give the address as the row's image",
}
_MARKUP = re.compile(rb"<(svg|!doctype|html|head|body|\?xml|!--|error)(?!\w)", re.IGNORECASE)


def what_it_is(data: bytes) -> str:
    """What the bytes are, and what to do; for unknown ones which formats are read. Never raises."""
    head = data[:_HEAD]
    if head[4:8] == b"ftyp":
        for brands, words in _BRANDS.items():
            if head[8:12] in brands:
                return words
    for magic, words in _MAGIC.items():
        if head.startswith(magic):
            return words
    if head[128:132] == b"DICM":
        return f"it is DICOM; {_CONVERT}"
    if not any(head):
        return f"it has only zeros where a picture begins; {_DOWNLOAD}"
    return _text(head) or f"these are read: {', '.join(FORMATS)}"


def _text(head: bytes) -> str:
    """What a text is in place of a picture; empty for anything else."""
    text = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if (found := _MARKUP.match(text)) is not None:
        kind = found[1].lower()
        if kind == b"svg" or (kind in (b"?xml", b"!--", b"!doctype") and b"<svg" in text):
            return f"it is SVG, a vector drawing; {_CONVERT} (rsvg-convert or cairosvg do)"
        return f"it is {'a web page' if b'html' in text.lower() else 'XML'}, not a picture; {_DOWNLOAD}"
    if re.match(rb"[{\[]\s*[\"{\[]", text):
        return f"it is JSON, not a picture (it begins {text[:60].decode(errors='replace')!r}); {_DOWNLOAD}"
    return ""
