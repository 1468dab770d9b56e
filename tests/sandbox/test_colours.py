"""What code shows has the colours that it means, whichever way its arrays came about."""

from __future__ import annotations

import pytest
from PIL import Image

from codedance import Sandbox

RED = Image.new("RGB", (80, 60), (220, 20, 20))
PAPER = Image.new("RGB", (80, 60), "white")
READ = "img = cv2.imread('input_image.jpg')\n"

RED_PROGRAMS = {
    "as read": READ + "img",
    "a crop": READ + "img[5:50, 5:60]",
    "turned by a slice": READ + "img[..., ::-1]",
    "turned by a list": READ + "img[:, :, [2, 1, 0]]",
    "turned by a tuple of indices": READ + "img[5:50, 5:60, (2, 1, 0)]",
    "turned by np.flip": READ + "np.flip(img, axis=-1)",
    "turned and made contiguous": READ + "np.ascontiguousarray(img[..., ::-1])",
    "turned and copied": READ + "img[:, :, ::-1].copy()",
    "copied": READ + "img.copy()",
    "copied by np.array": READ + "np.array(img)",
    "two crops side by side": READ + "np.hstack([img[:, :40], img[:, 40:]])",
    "two turned crops": READ + "np.concatenate((img[:, :40, ::-1], img[:, 40:, ::-1]), axis=1)",
    "two crops by OpenCV": READ + "cv2.hconcat([img[:, :40], img[:, 40:]])",
    "in a new array": READ + "canvas = np.zeros(img.shape, np.uint8)\ncanvas[:] = img\ncanvas",
    "with alpha": READ + "cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2BGRA), cv2.COLOR_BGRA2RGBA)",
    "with alpha, as it is": READ + "cv2.cvtColor(img, cv2.COLOR_BGR2BGRA)",
    "decoded from bytes": "cv2.imdecode(np.frombuffer(open('input_image.jpg', 'rb').read(), np.uint8), cv2.IMREAD_COLOR)",
    "read as RGB": "cv2.imread('input_image.jpg', cv2.IMREAD_COLOR_RGB)",
    "by a code of the wrong name": READ + "cv2.cvtColor(img, cv2.COLOR_RGB2BGR)",
    "by a number": READ + "cv2.cvtColor(img, 4)",
    "HSV and back": READ + "cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_BGR2HSV), cv2.COLOR_HSV2BGR)",
    "HSV by the wrong name and back": READ + "cv2.cvtColor(cv2.cvtColor(img, cv2.COLOR_RGB2HSV), cv2.COLOR_HSV2RGB)",
    "one channel worked on": READ + "b, g, r = cv2.split(img)\ncv2.merge([cv2.createCLAHE().apply(r), g, b])",
    "stacked by numpy": READ + "np.dstack([img[:, :, 2], img[:, :, 1], img[:, :, 0]])",
    "brighter": READ + "np.clip(img * 1.1, 0, 255).astype(np.uint8)",
    "floats": READ + "img.astype(np.float32) / 255",
    "enlarged and blurred": READ + "cv2.GaussianBlur(cv2.resize(img, None, fx=2, fy=2), (5, 5), 0)",
    "turned in place of another": READ + "cv2.cvtColor(img, cv2.COLOR_BGR2RGB, img)\nimg",
    "swapped in place": READ + "img[:, :, [0, 2]] = img[:, :, [2, 0]]\nimg",
    "swapped in place by two assignments": READ + "img[:, :, 0], img[:, :, 2] = img[:, :, 2].copy(), img[:, :, 0].copy()\nimg",
    "taken by np.take": READ + "np.take(img, [2, 1, 0], axis=2)",
    "by a function": "def load(p): return cv2.imread(p)\ndef crop(a): return a[5:50, 5:60].copy()\ncrop(load('input_image.jpg'))",
    "Pillow's own": "np.array(input_image)",
    "Pillow's after a grey read": "grey = cv2.imread('input_image.jpg', 0)\nnp.array(input_image)",
    "Pillow's after a colour read": READ + "np.array(input_image)",
    "Pillow's for OpenCV, by a slice": "np.array(input_image)[:, :, ::-1].copy()",
    "Pillow's for OpenCV, by a code": "cv2.cvtColor(np.asarray(input_image), cv2.COLOR_RGB2BGR)",
    "by matplotlib": "plt.imread('input_image.jpg')",
}
BLUE_PROGRAMS = {
    "BGR given to Pillow": READ + "Image.fromarray(img)",
    "RGB given to cv2.imshow": "cv2.imshow('w', np.array(input_image))",
}


@pytest.mark.parametrize("colour", ["red", "blue"])
async def test_the_order_of_channels_is_known_per_array(box: Sandbox, colour: str) -> None:
    wrong = {}
    for name, code in (RED_PROGRAMS if colour == "red" else BLUE_PROGRAMS).items():
        async with box.session([RED]) as session:
            result = await session.run(code)
            seen = result.images[-1].getpixel((20, 20)) if result.images else result.error
            if not result.images or (seen[0] > 150 > seen[2]) is not (colour == "red"):
                wrong[name] = seen
    assert wrong == {}


@pytest.mark.parametrize(
    "canvas",
    [
        READ + "vis = img.copy()",
        READ + "vis = np.zeros_like(img)",
        "vis = cv2.cvtColor(cv2.imread('input_image.jpg', 0), cv2.COLOR_GRAY2BGR)",
        READ + "vis = np.hstack([img, img])",
    ],
)
async def test_what_is_drawn_on_a_copy_has_the_colour_that_opencv_means(box: Sandbox, canvas: str) -> None:
    async with box.session([PAPER]) as session:
        result = await session.run(canvas + "\ncv2.rectangle(vis, (10, 10), (50, 50), (0, 0, 255), -1)\ndisplay(vis)")
        assert result.images[0].getpixel((30, 30)) == (255, 0, 0)


async def test_an_array_told_by_its_colours_is_said(box: Sandbox) -> None:
    async with box.session([RED]) as session:
        result = await session.run(READ + "np.array(img)")
        assert "taken as BGR" in result.notes[0]


SWAPPED_HAND_OVERS = {
    "plt.imshow": READ + "plt.imshow(img[5:50, 5:60])\nplt.show()",
    "plt.imshow of an axis": READ + "fig, ax = plt.subplots()\nax.imshow(img.astype(float) / 255)\nplt.show()",
    "Image.fromarray": READ + "Image.fromarray(img).save('a.png')",
    "Image.fromarray of a copy that lost its channels": READ + "Image.fromarray(np.array(img))",
    "plt.imsave": READ + "plt.imsave('a.png', img)",
    "cv2.imwrite": "cv2.imwrite('a.png', np.array(input_image))",
    "cv2.imwrite of turned channels": READ + "cv2.imwrite('a.png', img[:, :, ::-1])",
    "cv2.imshow": "cv2.imshow('w', np.array(input_image))",
}
RIGHT_HAND_OVERS = {
    "each its own": READ + "plt.imshow(img[:, :, ::-1])\nImage.fromarray(cv2.cvtColor(img, 4))\ncv2.imwrite('a.png', img)\nimg",
    "of Pillow": "a = np.array(input_image)\nplt.imshow(a)\nImage.fromarray(a).save('a.png')\nplt.imsave('b.png', a)",
    "to OpenCV": "cv2.imwrite('a.png', cv2.cvtColor(np.array(input_image), cv2.COLOR_RGB2BGR))",
    "of OpenCV in a new array": READ
    + "c = np.zeros(img.shape, np.uint8)\nc[:] = img\ncv2.imwrite('a.png', c)\ncv2.imshow('w', c)",
    "grey, HSV and drawings": READ
    + "plt.imshow(cv2.cvtColor(img, cv2.COLOR_BGR2HSV))\ncv2.imwrite('a.png', img[:, :, 0])\n"
    + "cv2.imwrite('b.png', np.zeros((50, 50, 3), np.uint8))\nplt.imshow([[1, 2]])",
}


@pytest.mark.parametrize("name", SWAPPED_HAND_OVERS)
async def test_an_array_given_to_who_takes_red_for_blue_is_said(box: Sandbox, name: str) -> None:
    async with box.session([RED]) as session:
        result = await session.run(SWAPPED_HAND_OVERS[name])
        assert result.error is None
        told = [note for note in result.notes if "red and blue are swapped" in note]
        assert len(told) == 1 and told[0].startswith(name.split(" of ")[0]), result.notes


@pytest.mark.parametrize("name", RIGHT_HAND_OVERS)
async def test_an_array_given_in_the_right_order_is_not_remarked_on(box: Sandbox, name: str) -> None:
    async with box.session([RED]) as session:
        result = await session.run(RIGHT_HAND_OVERS[name])
        assert result.error is None
        assert not [note for note in result.notes if "swapped" in note]


async def test_an_array_that_knows_its_channels_is_numpys_to_code(box: Sandbox) -> None:
    async with box.session([RED]) as session:
        result = await session.run(
            READ
            + "import pickle\nprint(type(img), repr(img[0, 0]), type(img.mean()), round(img.mean(), 1), img[0, 0, 0] + 0,\n"
            + "type(pickle.loads(pickle.dumps(img))) is np.ndarray, (img[0, 0] == img[1, 1]).all(), img.sum(axis=(0, 1)).shape)"
        )
        assert result.stdout.startswith("<class 'numpy.ndarray'> array([") and "<class 'numpy.float64'>" in result.stdout
        assert result.stdout.endswith("True True (3,)\n"), result.stdout


async def test_an_error_of_opencv_shows_the_lines_of_the_cell_alone(box: Sandbox) -> None:
    async with box.session([RED]) as session:
        result = await session.run("cv2.resize(None, (5, 5))")
        assert result.error.type == "error" and "colours.py" not in result.stderr and "<cell 1>" in result.stderr
