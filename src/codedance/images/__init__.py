"""Pictures on their way to a model: the view that it sees, and the store that keeps every picture once.

A vision-language model never sees the file: it sees a *view*, resized to the pixel rule of its image processor. The code that it
writes gets the same pixels as `input_image`, so that boxes mean the same on both sides; `fit` and `View.to_original` lead back
to the full resolution.

    photo = load_input("photo.jpg", QWEN25_VL)   # photo.view: exactly what is sent; photo.original: the bytes as given
    fit(Size(8064, 5241), QWEN25_VL).size        # Size(width=4424, height=2884)

Lossy originals give lossy views (JPEG, quality 95), all others PNG, unless that has more bytes than servers take. The pixels
are always those of the encoded view, decoded. Not covered: colour profiles, animation (the first frame counts).
"""

from codedance.images.inputs import InputImage, fit_shown, load_input
from codedance.images.picture import Picture, digest_bytes, digest_pixels, encode_png
from codedance.images.rules import MAX_BYTES, QWEN25_VL, Box, ImageLimits, PixelRule, Size, View, fit
from codedance.images.store import ImageStore, PictureSink

__all__ = [
    "MAX_BYTES",
    "QWEN25_VL",
    "Box",
    "ImageLimits",
    "ImageStore",
    "InputImage",
    "Picture",
    "PictureSink",
    "PixelRule",
    "Size",
    "View",
    "digest_bytes",
    "digest_pixels",
    "encode_png",
    "fit",
    "fit_shown",
    "load_input",
]
