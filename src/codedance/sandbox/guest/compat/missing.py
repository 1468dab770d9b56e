"""What there is instead of a package that is not installed, as part of the ModuleNotFoundError.

    >>> import pytesseract
    ModuleNotFoundError: No module named 'pytesseract': nothing here reads text: enlarge the crop and read it yourself, ...

Only for imports by code of the session: libraries that probe for optional packages get the plain error.
"""

from __future__ import annotations

import importlib
import sys
from typing import Any, NoReturn

from .removed import is_guest

_READ_TEXT = (
    "nothing here reads text: enlarge the crop and read it yourself, display(input_image.crop((x1, y1, x2, y2)).resize((w, h)))"
)
_NO_MODELS = "there are no neural networks and no weights here: look at enlarged crops yourself, or use cv2, skimage or sklearn"
_NO_NETWORK = "there is no network here: the picture is in input_image"
_INSTEAD_OF = {
    "pytesseract easyocr paddleocr keras_ocr doctr tesserocr rapidocr_onnxruntime rapidocr ocrmypdf surya": _READ_TEXT,
    "torch torchvision torchaudio tensorflow keras transformers ultralytics timm clip open_clip detectron2 mmdet": _NO_MODELS,
    "segment_anything sam2 groundingdino supervision mediapipe dlib face_recognition deepface insightface yolov5": _NO_MODELS,
    "onnxruntime diffusers sentence_transformers jax paddle fastai accelerate super_gradients facenet_pytorch": _NO_MODELS,
    "requests httpx aiohttp urllib3 wget bs4 selenium playwright gdown pytube yt_dlp boto3": _NO_NETWORK,
    "openai anthropic google.generativeai langchain gradio_client replicate ollama dashscope": _NO_NETWORK,
    "pip kagglehub kaggle datasets huggingface_hub": "nothing can be downloaded or installed here",
    "plotly bokeh altair holoviews pygal plotnine cufflinks": "draw with matplotlib or seaborn",
    "wand pgmagick pyvips imgaug albumentations kornia mahotas SimpleITK itk": "use PIL, cv2, skimage or scipy.ndimage",
    "pyzbar zxingcpp pyzxing zbarlight": "cv2.QRCodeDetector() and cv2.barcode.BarcodeDetector() read codes",
    "openpyxl xlrd xlsxwriter docx pptx": "write CSV with pandas or csv",
    "PyPDF2 pypdf fitz pdf2image pdfplumber tabula camelot": "nothing here reads PDF files: the picture is in input_image",
    "numba cupy cython dask ray polars modin pyspark": "use numpy and pandas",
    "PyQt5 PyQt6 PySide2 PySide6 pygame wx ipywidgets turtle tkinter _tkinter": "there is no window: use display(picture)",
    "xgboost lightgbm catboost hdbscan umap": "use sklearn",
    "geopandas cartopy folium mpl_toolkits.basemap geopy rasterio fiona": "draw with matplotlib; shapely is here",
    "igraph graphviz pydot pygraphviz": "use networkx or draw with matplotlib",
    "imutils": "use cv2: cv2.resize, cv2.findContours(...)[-2] for grab_contours, cv2.warpAffine for rotate",
    "skvideo moviepy": "use cv2.VideoCapture",
    "statsmodels": "use scipy.stats, numpy.polyfit or sklearn.linear_model",
    "pywt": "use cv2.dct or scipy.signal",
    "tabulate": "print(frame.to_string()) or frame.to_markdown() of pandas make tables",
    "nest_asyncio": "it is not needed: asyncio.run() and await work in every cell",
    "skimage.viewer": "there is no window: use display(picture)",
    "webcolors": "matplotlib.colors.CSS4_COLORS has the names of colours",
    "colorthief extcolors": "use sklearn.cluster.KMeans on the pixels, or Image.quantize",
    "cv": "use cv2",
    "Image": "write from PIL import Image",
    "pulp cvxpy ortools z3": "use scipy.optimize (linprog, milp), sympy.solve, or search in plain Python",
    "chess": "there is no chess library: write the rules that you need",
}
_INSTEAD = {name: text for names, text in _INSTEAD_OF.items() for name in names.split()}
_INSTALLED = "installed are numpy, PIL, cv2, matplotlib, scipy, skimage, sklearn, pandas, seaborn, shapely, sympy, imageio"


def install() -> None:
    """Be asked after every other finder."""
    sys.meta_path.append(_Missing())


class _Missing:
    """A finder that finds nothing; when the session's code imports something, it says what to use."""

    def find_spec(self, name: str, path: Any = None, target: Any = None) -> None:
        if _is_import_by_guest() and (name in _INSTEAD or "." not in name):
            _refuse(ModuleNotFoundError(f"No module named {name!r}: {_INSTEAD.get(name, _INSTALLED)}", name=name))

    def invalidate_caches(self) -> None:
        """As finders have it."""


def _is_import_by_guest() -> bool:
    """Whether an import statement or `import_module` of the session is going on; `importlib.util.find_spec` only asks."""
    frame = sys._getframe(2)
    if frame.f_back is None or frame.f_back.f_code.co_name != "_find_and_load_unlocked":
        return False
    while frame is not None and frame.f_code.co_filename.startswith(("<frozen importlib", importlib.__file__)):
        frame = frame.f_back
    return is_guest(frame)


def _refuse(error: ModuleNotFoundError) -> NoReturn:
    raise error


def _hide_from_tracebacks(function: Any) -> None:
    """Python leaves the frames of its own import machinery out of tracebacks, by their file's name."""
    function.__code__ = function.__code__.replace(co_filename="<frozen importlib._bootstrap>")


_hide_from_tracebacks(_refuse)
_hide_from_tracebacks(_Missing.find_spec)
