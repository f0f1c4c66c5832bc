"""Tests of `inr.io.video`: faithful round trips, and errors that say what is wrong."""

import os
import struct
import subprocess
import sys
from fractions import Fraction

import numpy as np
import pytest
from support import full_disk, refuses

import inr

RNG = np.random.default_rng(0)


@pytest.fixture
def av():
    return pytest.importorskip("av", reason="needs the extra `media`")


def clip(t=12, h=32, w=48):
    """Frames of smooth moving colors."""
    z, y, x = np.meshgrid(*[np.arange(n) / 32 for n in (t, h, w)], indexing="ij")
    shades = [np.sin(3 * x + 2 * z), np.cos(2 * y - z), np.sin(x + y + 3 * z)]
    return (0.5 + 0.4 * np.stack(shades, -1)).astype(np.float32)


@pytest.mark.slow
@pytest.mark.usefixtures("av")
@pytest.mark.parametrize("extension", [".mp4", ".mov", ".mkv"])
@pytest.mark.parametrize("fps", [24, 30000 / 1001, 7.5])
def test_a_video_round_trip_is_close(tmp_path, extension, fps):
    path, frames = tmp_path / f"clip{extension}", clip()
    inr.write_video(path, frames, fps)
    decoded, rate = inr.read_video(path)
    assert (decoded.shape, decoded.dtype) == (frames.shape, np.float32)
    np.testing.assert_allclose(rate, fps, rtol=1e-6)
    difference = 255 * (decoded - frames)
    assert np.abs(difference).max() < 20  # color is at half the resolution
    assert np.sqrt(np.mean(difference**2)) < 3
    # Inexact rounding or another color matrix would shift the mean.
    assert np.abs(difference.mean((0, 1, 2))).max() < 1


@pytest.mark.long
@pytest.mark.usefixtures("av")
@pytest.mark.slow
def test_uint8_generators_and_gray_are_written_alike(tmp_path):
    levels = np.rint(255 * clip()).astype(np.uint8)
    path = tmp_path / "clip.mp4"
    videos = []
    for frames in (levels, levels.astype(np.float32) / 255, (x for x in levels)):
        inr.write_video(path, frames, 25)
        videos.append(inr.read_video(path, dtype=np.uint8)[0])
    assert videos[0].dtype == np.uint8
    for frames in videos[1:]:  # the encoder's choices depend on memory addresses
        assert np.abs(videos[0] - frames.astype(float)).mean() < 2
    np.testing.assert_array_equal(videos[2], np.rint(255 * inr.read_video(path)[0]))
    inr.write_video(path, levels[..., :1], 25)
    gray = inr.read_video(path, dtype=np.uint8)[0].astype(int)
    assert np.ptp(gray, axis=-1).max() <= 3


@pytest.mark.long
@pytest.mark.usefixtures("av")
@pytest.mark.slow
def test_a_part_of_a_video_is_read_and_resized(tmp_path):
    path, frames = tmp_path / "clip.mp4", clip()
    inr.write_video(path, frames, 25)
    few, _ = inr.read_video(path, num_frames=5)
    np.testing.assert_array_equal(few, inr.read_video(path)[0][:5])
    small, _ = inr.read_video(path, size=(16, 24))
    means = frames.reshape(12, 16, 2, 24, 2, 3).mean((2, 4))
    assert np.sqrt(np.mean((small - means) ** 2)) < 5 / 255
    assert len(inr.read_video(path, num_frames=13)[0]) == 12
    needed = 4 * frames.size
    with refuses(f"`max_bytes` must be at least {needed}, .*12 frames of 32 x 48, got"):
        inr.read_video(path, max_bytes=needed - 1)
    assert len(inr.read_video(path, max_bytes=needed)[0]) == 12
    assert len(inr.read_video(path, dtype=np.uint8, max_bytes=needed // 4)[0]) == 12
    with refuses("`size`"):
        inr.read_video(path, size=(16,))
    with refuses("`dtype`"):
        inr.read_video(path, dtype=np.float64)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.usefixtures("av")
def test_a_video_of_a_rotated_camera_is_upright(tmp_path):
    path, frames = tmp_path / "clip.mp4", clip()
    inr.write_video(path, frames, 25)
    plain, _ = inr.read_video(path)
    content = path.read_bytes()
    one = 1 << 16

    def matrix(a, b, c, d):
        return struct.pack(">9i", a, b, 0, c, d, 0, 0, 0, 1 << 30)

    # (x, y) goes to (a x + c y, b x + d y): here right to down, and down to left.
    start = content.index(b"tkhd")
    at = content.index(matrix(one, 0, 0, one), start)
    path.write_bytes(content[:at] + matrix(0, one, -one, 0) + content[at + 36 :])
    upright, _ = inr.read_video(path)
    np.testing.assert_array_equal(upright, np.rot90(plain, -1, axes=(1, 2)))
    assert inr.read_video(path, size=(24, 16))[0].shape == (12, 24, 16, 3)


def write_at(av, path, times):
    """Write frames at the given times, in hundredths of a second."""
    with av.open(str(path), "w") as container:
        stream = container.add_stream("libx264", 100)
        stream.width, stream.height, stream.pix_fmt = 48, 32, "yuv420p"
        stream.codec_context.time_base = Fraction(1, 100)
        for time, image in zip(times, clip(len(times)), strict=True):
            levels = np.rint(255 * image).astype(np.uint8)
            frame = av.VideoFrame.from_ndarray(levels, format="rgb24")
            frame.pts, frame.time_base = time, Fraction(1, 100)
            container.mux(stream.encode(frame))
        container.mux(stream.encode())


@pytest.mark.parametrize(
    "times",
    [
        [0, 4, 8, 12, 20, 24, 28, 32],  # a dropped frame
        [0, 4, 8, 12, 16, 20, 23, 26, 29, 32, 35, 38],  # 25, then 33 a second
    ],
)
def test_a_variable_frame_rate_is_refused(av, tmp_path, times):
    write_at(av, tmp_path / "clip.mkv", times)
    with refuses("constant frame rate"):
        inr.read_video(tmp_path / "clip.mkv")


def test_times_rounded_to_the_clock_are_a_constant_rate(av, tmp_path):
    write_at(av, tmp_path / "clip.mkv", [0, 3, 7, 10, 13, 17, 20, 23, 27, 30])
    frames, fps = inr.read_video(tmp_path / "clip.mkv")
    assert len(frames) == 10
    np.testing.assert_allclose(fps, 30, rtol=0.04)


@pytest.mark.usefixtures("av")
def test_files_without_video_are_refused(tmp_path):
    path = tmp_path / "clip.mp4"
    with refuses("clip.mp4", FileNotFoundError):
        inr.read_video(path)
    inr.write_video(path, clip(), 25)
    content = path.read_bytes()
    start = content.index(b"mdat") + 800
    noise = RNG.bytes(1000)
    damaged = content[:start] + noise + content[start + len(noise) :]
    for broken in (b"", RNG.bytes(3000), content[: len(content) // 2], damaged):
        path.write_bytes(broken)
        with refuses("intact video file"):
            inr.read_video(path)


@pytest.mark.usefixtures("av")
def test_a_file_with_sound_only_is_refused(tmp_path):
    pytest.importorskip("soundfile", reason="needs the extra `media`")
    inr.write_audio(tmp_path / "sound.wav", np.zeros(800, np.float32), 8000)
    with refuses("a file with video"):
        inr.read_video(tmp_path / "sound.wav")


@pytest.mark.usefixtures("av")
@pytest.mark.parametrize(
    ("frames", "fps", "name", "message"),
    [
        (clip(2, 31, 48), 25, "a.mp4", "even height and width"),
        (clip()[..., :2], 25, "a.mp4", "c = 1 or 3"),
        (clip() * np.nan, 25, "a.mp4", "finite"),
        (clip().astype(np.int32), 25, "a.mp4", "uint8 or uint16 array"),
        (clip()[:0], 25, "a.mp4", "at least one frame"),
        (clip(), 0, "a.mp4", "`fps`"),
        (clip(), 25, "a.gif", "one of .mp4"),
        ([*clip(1), *clip(1, 16, 16)], 25, "a.mp4", "as large as the first"),
    ],
)
def test_bad_frames_are_not_written(tmp_path, frames, fps, name, message):
    path = tmp_path / name
    path.write_bytes(b"before")
    with refuses(message):
        inr.write_video(path, frames, fps)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


def test_a_missing_folder_is_named(tmp_path):
    with refuses("mkdir", FileNotFoundError):
        inr.write_video(tmp_path / "none" / "a.mp4", clip(), 25)


@pytest.mark.long
@pytest.mark.slow
def test_the_limit_holds_where_a_file_declares_no_number_of_frames(av, tmp_path):
    path = tmp_path / "clip.mkv"
    write_at(av, path, [4 * i for i in range(8)])
    needed = 8 * 32 * 48 * 3
    with refuses("`max_bytes` must be at least"):
        inr.read_video(path, dtype=np.uint8, max_bytes=needed - 1)
    assert len(inr.read_video(path, dtype=np.uint8, max_bytes=needed)[0]) == 8


@pytest.mark.usefixtures("av")
@pytest.mark.parametrize("name", ["a.mkv", "a.mp4"])
def test_a_full_disk_leaves_an_earlier_file(tmp_path, name):
    path = tmp_path / name
    path.write_bytes(b"before")
    with full_disk(), pytest.raises(OSError, match="File too large"):
        inr.write_video(path, clip(4), 25)
    assert path.read_bytes() == b"before"
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.usefixtures("av")
def test_playlists_do_not_make_other_files_read(tmp_path):
    inr.write_video(tmp_path / "clip.mp4", clip(4), 25)
    hls = "#EXTM3U\n#EXT-X-VERSION:3\n#EXT-X-TARGETDURATION:1\n#EXTINF:1,\nclip.mp4\n"
    for name, text in [
        ("list.m3u8", f"{hls}#EXT-X-ENDLIST\n"),
        ("list.mp4", "ffconcat version 1.0\nfile clip.mp4\n"),
    ]:
        (tmp_path / name).write_text(text)
        with refuses("intact video file"):
            inr.read_video(tmp_path / name)


@pytest.mark.long
@pytest.mark.slow
@pytest.mark.usefixtures("av")
@pytest.mark.parametrize("side", [16_000, 100_000])
def test_huge_frames_are_refused_before_they_are_decoded(tmp_path, side):
    path = tmp_path / "clip.y4m"
    head = f"YUV4MPEG2 W{side} H{side} F25:1 Ip A1:1 C420\nFRAME\n"
    path.write_bytes(head.encode() + bytes(1000))
    # FFmpeg itself refuses the larger one.
    expected = "`max_bytes` must be at least|`path` must be an intact video file"
    for options in ({}, {"size": (4, 4), "num_frames": 1}):
        with refuses(expected.split("|")[side == 100_000]):
            inr.read_video(path, max_bytes=2**28, **options)


@pytest.mark.long
@pytest.mark.slow
def test_frames_that_grow_are_refused_before_they_are_decoded(av, tmp_path):
    path = tmp_path / "clip.h264"
    content = b""
    for h, w, num_frames in ((32, 48, 400), (2048, 4096, 1)):
        with av.open(str(path), "w", format="h264") as container:
            stream = container.add_stream("libx264", 25)
            stream.width, stream.height, stream.pix_fmt = w, h, "yuv420p"
            stream.options = {"preset": "ultrafast"}
            frame = av.VideoFrame.from_ndarray(np.zeros((h, w, 3), np.uint8), "rgb24")
            for index in range(num_frames):
                frame.pts, frame.time_base = index, Fraction(1, 25)
                container.mux(stream.encode(frame))
            container.mux(stream.encode())
        content += path.read_bytes()
    path.write_bytes(content)
    # Not "its frames change size", which is known after decoding.
    with refuses("intact video file.*Invalid data"):
        inr.read_video(path)


@pytest.mark.usefixtures("av")
def test_pipes_and_devices_are_refused(tmp_path):
    os.mkfifo(tmp_path / "a.mp4")
    with refuses("a video file, got .*, a pipe or a device"):
        inr.read_video(tmp_path / "a.mp4")
    with refuses("a video file, got the folder"):
        inr.read_video(tmp_path)
    with refuses("a video file, got '/dev/zero', a pipe or a device"):
        inr.read_video("/dev/zero")


@pytest.mark.slow
def test_without_pyav_the_error_names_the_extra(tmp_path):
    (tmp_path / "file").write_bytes(b"x")
    code = (
        "import sys, inr; sys.modules['av'] = None\n"
        f"try: inr.read_video({str(tmp_path / 'file')!r})\n"
        "except ImportError as error: print(error)"
    )
    out = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, check=True, text=True
    )
    assert 'pip install "inr[media]"' in out.stdout
