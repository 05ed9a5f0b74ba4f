"""Recorded chats of every format are read into the same shape, and no file can do harm."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from coordinator.demo.recordings import Recording, RecordingError, read_recording
from coordinator.errors import DropcueError, UsageError


@pytest.fixture
def recorded(tmp_path: Path):
    def write(content: str | bytes) -> Recording:
        file = tmp_path / "chat"
        file.write_bytes(content if isinstance(content, bytes) else content.encode())
        return read_recording(file)

    return write


def shared_file() -> Path:
    root = Path(os.environ.get("DROPCUE_SHARED", Path(__file__).parents[2].parent / "shared"))
    file = root / "data/group-chat/ubuntu-irc-2006-06-01.txt"
    if not file.exists():
        pytest.skip(f"the recorded day is not on this machine ({file}); set DROPCUE_SHARED to the folder that has it")
    return file


def texts(recording: Recording) -> list[str]:
    return [event.text for event in recording.events]


# --- IRC text


def test_the_recorded_day_holds_exactly_what_its_description_says() -> None:
    day = read_recording(shared_file())
    assert (day.count("message"), day.count("joined"), day.count("left")) == (1721, 290, 95)
    assert day.speakers == 223
    assert day.people == 398
    assert day.bad_count == 0
    clock = next(note for note in day.notes if note.startswith("clock: read as 12-hour"))
    assert "11:22 to 12:59" in clock
    assert "falls of the clock: 0" in clock
    assert 97 * 60_000 <= day.lasts_ms < 98 * 60_000


def test_messages_joins_leaves_and_quits_are_told_apart_from_everything_else(recorded) -> None:
    chat = recorded(
        "[09:00] <ann> hello\n"
        "=== bob [n=bob@host]  has joined #room\n"
        "=== bob is now known as rob\n"
        "=== mode/#room [+o ann]  by ChanServ\n"
        "=== ann has joined the party\n"
        '=== rob [n=bob@host]  has quit ["bye"]\n'
        "=== ann [n=ann@host]  has left #room []\n"
        "?? what is this\n"
    )
    assert [(e.what, e.name) for e in chat.events] == [
        ("message", "ann"),
        ("joined", "bob"),
        ("left", "rob"),
        ("left", "ann"),
    ]
    assert (chat.bad_count, chat.bad[0].line) == (1, 8)
    assert any("1 mode lines" in note and "1 renames" in note for note in chat.notes)


def test_a_twelve_hour_clock_that_falls_back_has_passed_half_a_day(recorded) -> None:
    chat = recorded(
        "[11:58] <a> 1\n[12:01] <a> 2\n[12:59] <a> 3\n[01:00] <a> 4\n[11:59] <a> 5\n[12:10] <a> 6\n[1:00] <a> 7\n"
    )
    minutes = [event.at_ms // 60_000 for event in chat.events]
    assert minutes == [0, 3, 61, 62, 721, 732, 782]
    assert any("half-days passed: 2, falls of the clock: 2" in note for note in chat.notes)


def test_a_twenty_four_hour_clock_passes_midnight_once_a_day(recorded) -> None:
    chat = recorded("[23:59:30] <a> 1\n[00:00:10] <a> 2\n[13:00:00] <b> 3\n[00:30:00] <b> 4\n")
    assert [event.at_ms for event in chat.events] == [0, 40_000, 46_830_000, 88_230_000]
    assert any("midnights passed: 2" in note for note in chat.notes)


def test_lines_that_stand_a_little_too_early_do_not_turn_the_day(recorded) -> None:
    chat = recorded("[10:05:00] <a> 1\n[10:04:58] <b> 2\n[10:05:03] <a> 3\n")
    assert [event.at_ms for event in chat.events] == [0, 0, 3_000]
    assert texts(chat) == ["1", "2", "3"]


def test_a_log_without_seconds_is_spread_over_its_minute_in_order(recorded) -> None:
    chat = recorded("[10:00] <a> 1\n=== b [x] has joined #r\n[10:00] <a> 2\n[10:01] <a> 3\n<c> no clock of its own\n")
    assert [event.at_ms for event in chat.events] == [0, 20_000, 40_000, 60_000, 90_000]


def test_a_whatsapp_like_export_is_read_with_names_of_several_words(recorded) -> None:
    chat = recorded("[9:05:07] <Li Mei 李梅> 晚上好\r\n[9:05:09] <+86 138> 1\r\n")
    assert [(e.at_ms, e.name, e.text) for e in chat.events] == [(0, "Li Mei 李梅", "晚上好"), (2_000, "+86 138", "1")]


def test_hours_that_no_day_has_are_time_since_the_start(recorded) -> None:
    chat = recorded("[0:59:50] <a> 1\n[30:00:00] <a> 2\n")
    assert chat.events[-1].at_ms == (30 * 3_600 - 3_590) * 1_000


# --- chat-downloader and yt-dlp


def test_a_chat_downloader_array_is_read_with_all_that_can_be_missing(recorded) -> None:
    items = [
        {
            "author": "ann",
            "author_id": "A1",
            "message": "before",
            "time_in_seconds": -12.5,
            "timestamp": 1_600_000_000_000_000,
        },
        {"author": {"name": "bob", "id": "B1"}, "message": "start", "timestamp": 1_600_000_012_500_000},
        {"author": "cid", "message": "no id", "time_in_seconds": 3},
        {"author": "ann", "author_id": "A1", "message": "nice", "time_in_seconds": 4, "amount": "¥50.00"},
        {"author": {"name": "eve"}, "message": "when?"},
        {"author": "mod", "message": None, "time_in_seconds": 5},
    ]
    chat = recorded(json.dumps(items))
    assert [(e.at_ms, e.who, e.text) for e in chat.events] == [
        (0, "chat:A1", "before"),
        (12_500, "chat:B1", "start"),
        (15_500, "chat:cid", "no id"),
        (16_500, "chat:A1", "[¥50.00] nice"),
        (16_500, "chat:eve", "when?"),
    ]
    assert chat.bad_count == 0
    assert any("1 items without a message" in note for note in chat.notes)


def test_an_array_that_breaks_off_gives_what_was_whole(recorded) -> None:
    chat = recorded('[\n {"author":"a","message":"1","time_in_seconds":1},\n {"author":"b","mess')
    assert texts(chat) == ["1"]
    assert [bad.line for bad in chat.bad] == [3]


def test_one_bad_item_costs_only_itself(recorded) -> None:
    chat = recorded(
        '[{"message":"1","time_in_seconds":1},\n7,\n{"message":oops},\n{"message":"2","time_in_seconds":2}]'
    )
    assert texts(chat) == ["1", "2"]
    assert [bad.line for bad in chat.bad] == [2, 3]


def test_json_lines_count_each_bad_line(recorded) -> None:
    chat = recorded(
        '{"author":"a","message":"1","timestamp":1600000000000000}\nnot json\n[]\n{"message":"2","timestamp":1600000001000000}\n'
    )
    assert [e.at_ms for e in chat.events] == [0, 1_000]
    assert [bad.line for bad in chat.bad] == [2, 3]


def test_the_raw_live_chat_of_yt_dlp_is_read_too(recorded) -> None:
    def line(offset: str, text: str) -> str:
        renderer = {
            "message": {"runs": [{"text": text}, {"emoji": {"shortcuts": [":wave:"]}}]},
            "authorName": {"simpleText": "ann"},
            "authorExternalChannelId": "UC1",
        }
        action = {"addChatItemAction": {"item": {"liveChatTextMessageRenderer": renderer}}}
        return json.dumps({"replayChatItemAction": {"actions": [action], "videoOffsetTimeMsec": offset}})

    chat = recorded(line("500", "hi ") + "\n" + line("2500", "yo ") + "\n")
    assert [(e.at_ms, e.text, e.who) for e in chat.events] == [
        (0, "hi :wave:", "chat:UC1"),
        (2_000, "yo :wave:", "chat:UC1"),
    ]


def test_a_time_from_another_year_is_a_bad_line_and_not_a_feed_of_years(recorded) -> None:
    items = [{"author": "a", "message": str(n), "timestamp": 1_600_000_000_000_000 + n * 10**6} for n in range(5)]
    chat = recorded(json.dumps([{"author": "a", "message": "old", "timestamp": 1_000_000_000_000_000}, *items]))
    assert chat.count("message") == 5
    assert chat.bad_count == 1


# --- Bilibili


def test_danmaku_in_one_line_is_read_with_negative_offsets_and_missing_fields(recorded) -> None:
    chat = recorded(
        '<?xml version="1.0" encoding="UTF-8"?><i><chatserver>x</chatserver>'
        '<d p="1.5,1,25,16777215,1600000000,0,abc123,1">前排</d><d p="-3,1,25,0,,0,NULL,2">a &lt; b</d>'
        '<d p="later,1,25">?</d><d p="2,8,25,0,0,0,abc123,3">script()</d><d>nothing</d></i>'
    )
    assert [(e.at_ms, e.text, e.who) for e in chat.events] == [(0, "a < b", ""), (4_500, "前排", "bilibili:abc123")]
    assert chat.bad_count == 2
    assert "comment 3" in chat.bad[0].why


def test_danmaku_that_breaks_off_or_holds_forbidden_characters_keeps_its_whole_comments(recorded) -> None:
    chat = recorded('<i><d p="1,1,25,0,0,0,u1,1">a\x08b</d><d p="2,1,25,0,0,0,u2,2">c & d</d>\n<d p="3,1,25')
    assert texts(chat) == ["ab", "c & d"]
    assert chat.bad_count >= 1


BOMB = (
    '<?xml version="1.0"?><!DOCTYPE i [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;">]><i><d p="1,1">&b;</d></i>'
)


@pytest.mark.parametrize(
    "xml",
    [BOMB, '<!DOCTYPE i SYSTEM "file:///etc/hostname"><i><d p="1,1">x</d></i>', "<i>" + "<x>" * 5_000],
    ids=["entity bomb", "outside entity", "depth"],
)
def test_attacks_on_xml_readers_are_refused_in_words(recorded, xml: str) -> None:
    with pytest.raises(RecordingError) as refused:
        recorded(xml)
    assert "not read" in str(refused.value)


# --- files that are no recording


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"  \n\n",
        b"\x00" * 4_000,
        bytes(range(128, 256)) * 40,
        b"PK\x03\x04 a zip",
        b"[]",
        b"{}",
        b"<html><body>hi</body></html>",
        b"just words\nand more",
    ],
    ids=["empty", "blank", "nul", "binary", "zip", "no items", "no fields", "html", "prose"],
)
def test_a_file_that_is_no_chat_is_refused_with_its_name_and_what_to_do(recorded, content: bytes) -> None:
    with pytest.raises(RecordingError) as refused:
        recorded(content)
    assert "chat: " in str(refused.value) or "chat, line" in str(refused.value)
    assert refused.value.exit_code == 1
    assert refused.value.todo


def test_a_folder_a_missing_file_and_a_pipe_are_wrong_usage(tmp_path: Path) -> None:
    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    for path in (tmp_path, tmp_path / "missing", pipe, tmp_path / "a\0b"):
        with pytest.raises(UsageError):
            read_recording(path)


def test_damaged_lines_are_counted_and_the_rest_is_read(recorded) -> None:
    chat = recorded(
        b"[10:00] <a> caf\xe9\n[10:00] <b> x\x00y\n[10:61] <c> when\n[10:02] <d> "
        + b"z" * 70_000
        + b"\n[10:03] <e> end\n"
    )
    assert [e.name for e in chat.events] == ["a", "e"]
    assert [bad.line for bad in chat.bad] == [2, 3, 4]
    assert any("not UTF-8" in note for note in chat.notes)


def test_only_the_first_bad_lines_are_kept_but_all_are_counted(recorded) -> None:
    chat = recorded("[10:00] <a> hi\n" + "rubbish\n" * 10_000)
    assert chat.bad_count == 10_000
    assert len(chat.bad) == 50


def test_a_hostile_array_does_not_cost_the_square_of_its_size(recorded) -> None:
    began = time.process_time()
    chat = recorded('[{"message":"1","time_in_seconds":1}' + ',\n{"a":[[[[{' * 200_000)
    assert texts(chat) == ["1"]
    assert time.process_time() - began < 5


BITS = st.sampled_from(
    [
        b"[10:00] <a> hi\n",
        b"=== a [x] has joined #r\n",
        b'{"message":"x","timestamp":1}',
        b"[{",
        b"]",
        b"<i>",
        b'<d p="1,1">',
        b"</d>",
        b"<!DOCTYPE",
        b"\xff\xfe",
        b"\x00",
        b"\\ud800",
        b'{"author":{"name":1}}',
        b",",
        b"\n",
        b'"',
        b"1e999",
        b"NaN",
    ]
)


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.one_of(st.binary(max_size=400), st.lists(st.one_of(BITS, st.binary(max_size=12)), max_size=30).map(b"".join)))
def test_no_bytes_raise_anything_but_the_clear_error(tmp_path: Path, content: bytes) -> None:
    file = tmp_path / "any"
    file.write_bytes(content)
    try:
        recording = read_recording(file)
    except DropcueError as error:
        told = str(error)
    else:
        told = str(file)
        fit_to_feed(recording)
    assert str(file) in told


def fit_to_feed(recording: Recording) -> None:
    assert recording.events
    assert recording.events[0].at_ms == 0
    assert [e.at_ms for e in recording.events] == sorted(e.at_ms for e in recording.events)
    for event in recording.events:
        json.dumps([event.name, event.text, event.who], ensure_ascii=False).encode()


json_values = st.recursive(
    st.one_of(st.none(), st.booleans(), st.integers(), st.floats(), st.text(max_size=8)),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.sampled_from(["name", "id", "text", "runs"]), inner, max_size=3)
    ),
    max_leaves=6,
)
FIELDS = ["author", "author_id", "message", "timestamp", "time_in_seconds", "amount", "money", "replayChatItemAction"]


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.lists(st.dictionaries(st.sampled_from(FIELDS), json_values, max_size=6), max_size=6))
def test_no_json_fields_raise_anything_but_the_clear_error(tmp_path: Path, items: list[dict[str, object]]) -> None:
    file = tmp_path / "any.json"
    file.write_text(json.dumps(items))
    try:
        fit_to_feed(read_recording(file))
    except DropcueError as error:
        told = str(error)
    else:
        told = str(file)
    assert str(file) in told
