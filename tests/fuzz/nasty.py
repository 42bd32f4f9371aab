"""What no honest client sends: bytes for bodies, headers, forms and heads of requests."""

# What stands in place of one value of a right body: as it is written, byte by byte.
NASTY = [
    b"NaN", b"-Infinity", b"1e400", b"-0", b"1.0", b"01", b"0x1", b"9007199254740992",
    b"-9007199254740992", b"9" * 5000, b'"\\ud800"', b'"\\udc00\\ud800"', b'"\\u0000"', b'"\x00"',
    b'"\xff"', b'"\xed\xa0\x80"', b'"\xc0\x80"', b'"\xef\xbb\xbf"', b'"\\x41"', b"'a'", b"",
    b"null", b"true", b"[]", b"{}", b'{"":0,"":0}', b'{"a":1,"a":2}', b'{"__proto__":{}}',
    b"[" * 100_000, b"[" * 900 + b"]" * 900, b'{"a":' * 500 + b"0" + b"}" * 500, b"/*c*/0",
    b"0 0", b"0,", b'"a', b"\xef\xbb\xbf0", b"\x00",
]  # fmt: skip

HEADERS = [
    (b"Content-Type", b""), (b"Content-Type", b"application/json; charset=utf-16"),
    (b"Content-Type", b"application/json, text/plain"), (b"Content-Type", b"text/plain"),
    (b"Content-Type", b"multipart/form-data; boundary=x"), (b"Content-Type", b"\xff/\xff"),
    (b"Content-Encoding", b"gzip"), (b"Accept", b"text/html"), (b"Accept", b""),
    (b"Authorization", b""), (b"Authorization", b"Bearer"), (b"Authorization", b"Bearer \xff"),
    (b"Authorization", b"Bearer ks1_" + b"A" * 43), (b"Authorization", b"DPoP va1_" + b"A" * 43),
    (b"Authorization", b"Basic Og=="), (b"DPoP", b""), (b"DPoP", b"a.b.c"), (b"DPoP", b"." * 9000),
    (b"DPoP", b"e30.e30."), (b"Kluis-Officer", b"\xe9"), (b"Kluis-Officer", b"x" * 129),
    (b"Host", b"other.example"), (b"X-Forwarded-For", b"::1"), (b"X-Forwarded-Host", b"evil"),
    (b"X-HTTP-Method-Override", b"DELETE"), (b"Expect", b"100-continue"), (b"Range", b"bytes=0-1"),
    (b"If-None-Match", b"*"), (b"Cookie", b"a=b; a=c"), (b"Upgrade", b"websocket"),
    (b"Connection", b"Upgrade"), (b"Accept-Language", b"\xff"), (b"TE", b"trailers"),
]  # fmt: skip

FORMS = [
    b"", b"a", b"a=b=c", b"&&", b"grant_type", b"grant_type=%ff", b"grant_type=%",
    b"grant_type=\xff",
    b"grant_type=a&grant_type=a", b"pre-authorized_code=%00", b"a=" * 40, b"&".join([b"a=b"] * 40),
    b"client_id=%C3%A9", b"%67rant_type=x", b"a=\x00",
]  # fmt: skip

# Whole requests, or what begins like one.
HEADS = [
    b"", b"\r\n", b"\x00", b"\x16\x03\x01\x02\x00", b"GET", b"GET / HTTP/1.1",
    b"GET / HTTP/9.9\r\n\r\n",
    b"GET  / HTTP/1.1\r\n\r\n", b"GET / HTTP/1.1\nHost: a\n\n", b"GET / HTTP/1.1\r\nHost\r\n\r\n",
    b"GET / HTTP/1.1\r\n Host: a\r\n\r\n", b"GET / HTTP/1.1\r\nA\x00: b\r\n\r\n",
    b"GET /\xff HTTP/1.1\r\nHost: a\r\n\r\n", b"GET http://a/healthz HTTP/1.1\r\nHost: b\r\n\r\n",
    b"GET * HTTP/1.1\r\nHost: a\r\n\r\n", b"BREW / HTTP/1.1\r\nHost: a\r\n\r\n",
    b"CONNECT a:1 HTTP/1.1\r\nHost: a\r\n\r\n",
    b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", b"GET /healthz HTTP/1.1\r\n\r\n",
    b"POST /v1/vaults HTTP/1.1\r\nHost: a\r\nContent-Length: -1\r\n\r\n",
    b"POST /v1/vaults HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\nxx",
    b"POST /v1/vaults HTTP/1.1\r\nHost: a\r\nContent-Length: " + b"9" * 5000 + b"\r\n\r\n",
    b"POST /v1/vaults HTTP/1.1\r\nHost: a\r\nContent-Length: 5\r\n"
    b"Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
    b"POST /v1/vaults HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: gzip\r\n\r\nx",
    b"POST /v1/vaults HTTP/1.1\r\nHost: a\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
    b"POST /v1/vaults HTTP/1.1\r\nHost: a\r\nContent-Length: 9\r\n\r\n{}",
    b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 5000 + b"\r\n",
    b"GET /" + b"a" * 100_000 + b" HTTP/1.1\r\nHost: a\r\n\r\n",
]  # fmt: skip
