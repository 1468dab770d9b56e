"""Picture files: what is saved and not shown is seen, what is taken for granted is found, the usual places can be written to."""

from __future__ import annotations

from pathlib import Path

import pytest
from PIL import Image

from codedance import Limits, Sandbox
from codedance.sandbox import host
from codedance.sandbox.guest.files import Files

SAVE = "crop = input_image.crop((0, 0, 60, 48))\n"


@pytest.mark.parametrize(
    ("code", "name"),
    [
        ("crop.save('crop.jpg')\nprint('crop.jpg')", "crop.jpg"),
        ("crop.save('/mnt/data/out.png')", "/mnt/data/out.png"),
        ("cv2.imwrite('/mnt/data/temp_processed_images/a.jpg', np.array(crop))", "/mnt/data/temp_processed_images/a.jpg"),
        ("crop.save('/tmp/out.webp')", "/tmp/out.webp"),
        ("os.makedirs('outputs/deep')\ncrop.save('outputs/deep/a.png')", "outputs/deep/a.png"),
        ("plt.plot([1, 2]); plt.savefig('plot.png'); plt.close()", "plot.png"),
        ("import tempfile\nwith tempfile.NamedTemporaryFile(suffix='.png', delete=False) as f: crop.save(f.name)", "/tmp/tmp"),
        ("b = io.BytesIO(); crop.save(b, 'PNG')\nwith open('raw.png', 'wb') as f: f.write(b.getvalue());", "raw.png"),
    ],
)
async def test_a_picture_saved_and_not_shown_is_shown(box: Sandbox, picture: Image.Image, code: str, name: str) -> None:
    async with box.session([picture]) as session:
        result = await session.run(SAVE + code)
        assert len(result.images) == 1 and any("showed none" in note and name in note for note in result.notes), result
        assert not (await session.run("print(1)")).images


async def test_saved_pictures_are_bounded_and_what_was_shown_comes_first(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([picture]) as session:
        many = await session.run("for i in range(9): input_image.save(f'{i}.png')")
        assert len(many.images) == 4 and "saved, not shown: 4.png, 5.png, 6.png, 7.png and 1 more" in many.notes[-1]
        same = await session.run("big = input_image.resize((80, 60)); big.save('again.png')\nbig.show()")
        assert (len(same.images), same.notes) == (1, ())
        other = await session.run(
            "for i in 'ab': input_image.resize((70, 60)).save(i + '.png')\ninput_image.resize((64, 64)).show()"
        )
        assert len(other.images) == 1 and "saved, not shown: a.png, b.png" in other.notes[0]
        broken = await session.run("open('broken.png', 'w').write('x');")
        assert (broken.images, broken.notes) == ((), ())


async def test_what_opencv_passes_over_in_silence_is_said(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([picture]) as session:
        written = await session.run("cv2.imwrite('/nowhere/x.png', np.array(input_image))")
        assert "there is no folder '/nowhere'" in written.notes[0] and "display" in written.notes[0]
        read = await session.run("print(cv2.imread('/nowhere/crop_1.png'))")
        assert "not there (given were: input_image.jpg)" in read.notes[0] and read.stderr == ""


@pytest.mark.parametrize(
    "code",
    [
        "cv2.imread('image.jpg').shape[:2]",
        "cv2.imread('/mnt/data/3471.jpg').shape[:2]",
        "Image.open('/path/to/your_image.png').size[::-1]",
        "Image.open('image_1.png').size[::-1]",
        "plt.imread('/mnt/data/images/abc.png').shape[:2]",
        "Image.open(io.BytesIO(open('input_image.png', 'rb').read())).size[::-1]",
        "Image.open(io.BytesIO(Path('photo.jpg').read_bytes())).size[::-1]",
    ],
)
async def test_the_input_is_found_under_the_names_of_other_sandboxes(box: Sandbox, picture: Image.Image, code: str) -> None:
    async with box.session([picture]) as session:
        result = await session.run(f"print({code})")
        assert result.stdout == "(48, 64)\n", result.stderr
        assert "input_image.jpg was read in its place" in result.notes[0]


async def test_what_is_not_the_input_is_not_found(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([picture]) as session:
        for name in ("crop.png", "/mnt/data/edges_1.jpg", "/nowhere/abc.jpg", "notes.txt"):
            assert (await session.run(f"open({name!r})")).error.type == "FileNotFoundError"
        assert "(given were: input_image.jpg)" in (await session.run("Image.open('crop.png')")).error.message
        assert (await session.run("open('image.jpg', 'r+b')")).error.type == "FileNotFoundError"
    async with box.session([picture, picture]) as session:
        assert (await session.run("Image.open('image.jpg')")).error.type == "FileNotFoundError"


def test_files_saved_within_one_tick_of_the_clock_belong_to_their_cell(tmp_path: Path) -> None:
    files = Files(places={str(tmp_path): ""})
    for name in "abc":
        files.start()
        Image.new("L", (9, 9)).save(tmp_path / f"{name}.png")
        assert files.saved("save") == [f"{name}.png"]
        files.end()
    files.start()
    Image.new("L", (8, 9)).save(tmp_path / "a.png")
    assert files.saved("save") == ["a.png"]


async def test_code_may_write_to_its_usual_places_also_if_python_lies_below_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, picture: Image.Image
) -> None:
    library = tmp_path / "venv"
    library.mkdir()
    (library / "known.py").write_text("x = 7")
    (tmp_path / "secret").write_text("secret")
    single = tmp_path / "single.py"
    single.write_text("y = 8")
    assert str(tmp_path).startswith("/tmp/"), "this test needs pytest's directory under /tmp"
    usual = host.readable_roots()
    monkeypatch.setattr(host, "readable_roots", lambda: (*usual, str(library), str(single)))
    async with Sandbox(Limits(disk_mb=4, files=64), require=0, pool=1) as box:
        if box.isolation.level < 3:
            pytest.skip("no private root here")
        for _ in range(2):
            async with box.session([picture]) as session:
                result = await session.run(
                    f"open('/tmp/x', 'w').write('a'); open('/mnt/data/x', 'w').write('b')\nprint(open({str(single)!r}).read(),\n"
                    f"sorted(os.listdir({str(tmp_path)!r})), open({str(library / 'known.py')!r}).read(), open('/tmp/x').read())"
                )
                assert result.stdout == "y = 8 ['single.py', 'venv'] x = 7 a\n", result.stderr
                refused = await session.run(
                    f"for path in ({str(library / 'known.py')!r}, {str(library / 'new.py')!r}, {str(single)!r}):\n"
                    "    try: open(path, 'w'); print('ESCAPED', path)\n    except OSError: pass\n"
                    f"for act in (os.rmdir, os.unlink, lambda p: os.rename(p, '/tmp/y')):\n"
                    f"    try: act({str(library)!r}); print('ESCAPED')\n    except OSError: pass"
                )
                assert refused.stdout == "" and refused.error is None
                full = await session.run("with open('/tmp/big', 'wb') as f:\n    while True: f.write(b'x' * 2**18)")
                assert full.error.type == "OSError"
    assert (library / "known.py").read_text() == "x = 7"


async def test_a_folder_that_is_not_there_is_named(box: Sandbox, picture: Image.Image) -> None:
    async with box.session([picture]) as session:
        for code in ("input_image.save('results/a.png')", "plt.plot([1]); plt.savefig('/content/a.png')"):
            result = await session.run(code)
            assert result.error is not None
            assert "there is no folder" in result.error.message
            assert "/mnt/data" in result.error.message
