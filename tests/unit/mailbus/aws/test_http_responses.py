"""Responses are read whole, and anything else is an error."""

from __future__ import annotations

from http.client import HTTPException
from io import BytesIO

import pytest

from mailbus.aws.http_responses import FIELDS, LINE_BYTES, read_response

AFTER = b"HTTP/1.1 200 OK\r\n"


def test_a_response_of_a_known_length_is_read_up_to_its_end() -> None:
    source = BytesIO(
        b"HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\nx-amzn-ErrorType:  Rejected \r\n"
        b"CONTENT-LENGTH: 13\r\n\r\n" + b'{"message":1}' + AFTER
    )
    response = read_response(source)
    assert response.status == 400
    assert response.headers["x-amzn-errortype"] == "Rejected"
    assert response.body == b'{"message":1}'
    assert response.is_kept
    assert source.read() == AFTER


def test_chunks_are_joined_up_to_the_end_of_their_trailers() -> None:
    source = BytesIO(
        b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n"
        b'4\r\n{"a"\r\n3;name="value"\r\n:1}\r\n0\r\nExpires: never\r\n\r\n' + AFTER
    )
    assert read_response(source).body == b'{"a":1}'
    assert source.read() == AFTER


@pytest.mark.parametrize("status", [b"204 No Content", b"304 Not Modified"])
def test_some_statuses_have_no_body(status: bytes) -> None:
    source = BytesIO(b"HTTP/1.1 " + status + b"\r\n\r\n" + AFTER)
    assert read_response(source).body == b""
    assert source.read() == AFTER


def test_what_comes_before_the_response_is_passed_over() -> None:
    source = BytesIO(
        b"HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n"
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\n{}"
    )
    assert read_response(source).body == b"{}"


@pytest.mark.parametrize(
    "head",
    [
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: Close",
        b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: keep-alive, close",
        b"HTTP/1.0 200 OK\r\nContent-Length: 2",
        b"HTTP/1.1 200\r\nServer: awselb/2.0",
    ],
)
def test_a_connection_that_ends_with_its_response_is_not_kept(head: bytes) -> None:
    response = read_response(BytesIO(head + b"\r\n\r\n{}"))
    assert response.body == b"{}"
    assert not response.is_kept


BROKEN = {
    "nothing": b"",
    "half a status line": b"HTTP/1.1 2",
    "another protocol": b"SSH-2.0-OpenSSH_9.6\r\n",
    "another version": b"HTTP/2 200\r\n\r\n",
    "no status": b"HTTP/1.1 OK\r\n\r\n",
    "a header that does not end": b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n",
    "a line that is no field": b"HTTP/1.1 200 OK\r\nContent-Length 2\r\n\r\n{}",
    "a line without end": b"HTTP/1.1 200 OK\r\nA: " + b"a" * LINE_BYTES,
    "fields without end": b"HTTP/1.1 200 OK\r\n" + b"A: b\r\n" * (FIELDS + 1),
    "half a body": b'HTTP/1.1 200 OK\r\nContent-Length: 60\r\n\r\n{"a"',
    "a negative length": b"HTTP/1.1 200 OK\r\nContent-Length: -1\r\n\r\n{}",
    "two lengths": b"HTTP/1.1 200 OK\r\nContent-Length: 2, 2\r\n\r\n{}",
    "a chunk without its size": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n{}\r\n0\r\n\r\n",
    "half a chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n9\r\n{}",
    "no last chunk": b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n",
}


@pytest.mark.parametrize("broken", BROKEN)
def test_what_is_no_whole_response_is_an_error(broken: str) -> None:
    with pytest.raises(HTTPException):
        read_response(BytesIO(BROKEN[broken]))
