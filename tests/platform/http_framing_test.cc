// Messages that two parties may read differently, which Beast 1.81 takes (ecosystem.md section 4),
// and what it refuses itself. Each has an accepted neighbour.
#include <gmock/gmock.h>

#include <boost/json.hpp>

#include "platform/http_parser.h"
#include "tests/platform/server_fixture.h"

namespace acb::platform {
namespace {

class Framing : public ServerTest {
 protected:
  Framing() { StartServer(); }

  // The status of the answer; a refusal must close the connection, or the rest of what was sent
  // would be read as the next request, and no handler may have seen the request.
  int StatusOf(const std::string& octets) {
    const int handled_before = handled_;
    RawClient client = Raw();
    EXPECT_TRUE(client.Send(octets));
    const auto response = client.Receive();
    if (response.status == 400) {
      EXPECT_EQ(response.Header("Connection"), "close");
      EXPECT_TRUE(client.IsClosed());
      EXPECT_EQ(handled_, handled_before);
      EXPECT_EQ(boost::json::parse(response.body).at("reason"), "MALFORMED");
    }
    return response.status;
  }
  int Post(const std::string& headers, const std::string& body,
           const std::string& version = "1.1") {
    return StatusOf("POST /v1/echo HTTP/" + version +
                    "\r\nHost: x\r\nContent-Type: text/plain\r\n" + headers + "\r\n" + body);
  }
  int Get(const std::string& target) {
    return StatusOf("GET " + target + " HTTP/1.1\r\nHost: x\r\n\r\n");
  }
};

constexpr const char* kChunks = "5\r\nhello\r\n0\r\n\r\n";

TEST_F(Framing, TakesOneLengthOrOneChunkedCoding) {
  EXPECT_EQ(Post("Content-Length: 5\r\n", "hello"), 200);
  EXPECT_EQ(Post("Transfer-Encoding: chunked\r\n", kChunks), 200);
  EXPECT_EQ(Post("transfer-encoding: Chunked\r\n", kChunks), 200);
}

TEST_F(Framing, RefusesLengthAndChunkedTogether) {
  EXPECT_EQ(Post("Content-Length: 5\r\nTransfer-Encoding: chunked\r\n", kChunks), 400);
  EXPECT_EQ(Post("Transfer-Encoding: chunked\r\nContent-Length: 5\r\n", kChunks), 400);
}

TEST_F(Framing, RefusesAnyOtherTransferCoding) {
  EXPECT_EQ(Post("Transfer-Encoding: gzip\r\nContent-Length: 5\r\n", "hello"), 400);
  EXPECT_EQ(Post("Transfer-Encoding: gzip\r\n", ""), 400);
  EXPECT_EQ(Post("Transfer-Encoding: gzip, chunked\r\n", kChunks), 400);
  EXPECT_EQ(Post("Transfer-Encoding: chunked, gzip\r\n", kChunks), 400);
  EXPECT_EQ(Post("Transfer-Encoding: chunked, chunked\r\n", kChunks), 400);
  EXPECT_EQ(Post("Transfer-Encoding: identity\r\nContent-Length: 5\r\n", "hello"), 400);
  EXPECT_EQ(Post("Transfer-Encoding: xchunked\r\nContent-Length: 5\r\n", "hello"), 400);
  EXPECT_EQ(Post("Transfer-Encoding: \"chunked\"\r\nContent-Length: 5\r\n", "hello"), 400);
  EXPECT_EQ(Post("Transfer-Encoding:\r\nContent-Length: 5\r\n", "hello"), 400);
  EXPECT_EQ(Post("Transfer-Encoding: chunked;q=1\r\n", kChunks), 400);
}

TEST_F(Framing, RefusesTwoTransferEncodings) {
  EXPECT_EQ(Post("Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n", kChunks), 400);
  EXPECT_EQ(Post("Transfer-Encoding: gzip\r\nTransfer-Encoding: chunked\r\n", kChunks), 400);
}

TEST_F(Framing, RefusesTransferEncodingInHttp10) {
  EXPECT_EQ(Post("Transfer-Encoding: chunked\r\n", kChunks, "1.0"), 400);
  EXPECT_EQ(Post("Content-Length: 5\r\n", "hello", "1.0"), 200);
}

TEST_F(Framing, RefusesMoreThanOneContentLength) {
  EXPECT_EQ(Post("Content-Length: 5\r\nContent-Length: 5\r\n", "hello"), 400);
  EXPECT_EQ(Post("Content-Length: 5\r\nContent-Length: 6\r\n", "hello"), 400);
  EXPECT_EQ(Post("Content-Length: 5, 5\r\n", "hello"), 400);
  EXPECT_EQ(Post("Content-Length: 5,\r\n", "hello"), 400);
}

TEST_F(Framing, RefusesAContentLengthThatIsNotPlainDigits) {
  for (const std::string length : {"+5", "-5", "0x5", "5 ", " 5", "5.0", "five", ""}) {
    const bool blank = length == "5 " || length == " 5";  // optional white space of the field
    EXPECT_EQ(Post("Content-Length:" + length + "\r\n", "hello"), blank ? 200 : 400) << length;
  }
}

TEST_F(Framing, RefusesASecondHeaderThatDecidesSomething) {
  EXPECT_EQ(Post("Content-Length: 5\r\nContent-Type: text/plain\r\n", "hello"), 400);
  EXPECT_EQ(
      Post("Content-Length: 5\r\nX-Originator-Counter: 1\r\nx-originator-counter: 2\r\n", "hello"),
      400);
  EXPECT_EQ(
      Post("Content-Length: 5\r\nX-Originator-Counter: 1\r\nAccept: a\r\nAccept: b\r\n", "hello"),
      200);
}

TEST_F(Framing, DemandsOneHost) {
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\nHost: x\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n"), 200);
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.0\r\n\r\n"), 200);
}

// RFC 9112 section 5.2.
TEST_F(Framing, RefusesAFoldedHeader) {
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\nHost: x\r\nA: b\r\n\tc\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\n Host: x\r\nHost: x\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\nHost: x\r\nA: b\tc\r\n\r\n"), 200);
}

TEST_F(Framing, RefusesLineEndsThatAreNotCrLf) {
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\nHost: x\n\n"), 400);
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\nHost: x\n\r\n"), 400);
  EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\nHost: x\r\nA: b\rc\r\n\r\n"), 400);
  EXPECT_EQ(StatusOf("\r\nGET /v1/items/a HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
}

TEST_F(Framing, RefusesControlCharactersInTheHeader) {
  using namespace std::string_literals;
  for (const std::string& bad : {"\0"s, "\x01"s, "\x1b"s, "\x7f"s}) {
    EXPECT_EQ(StatusOf("GET /v1/items/a HTTP/1.1\r\nHost: x\r\nA: b" + bad + "c\r\n\r\n"), 400);
    EXPECT_EQ(StatusOf("GET /v1/items/a" + bad + " HTTP/1.1\r\nHost: x\r\n\r\n"), 400);
  }
}

TEST_F(Framing, RefusesABlankBeforeTheColon) {
  EXPECT_EQ(Post("Content-Length : 5\r\n", "hello"), 400);
  EXPECT_EQ(Post("Content-Length\t: 5\r\n", "hello"), 400);
}

TEST_F(Framing, RefusesTargetsThatAreNotPaths) {
  for (const std::string target : {"http://x/v1/items/a",
                                   "https://x/v1/items/a",
                                   "x:443",
                                   "*",
                                   "v1/items/a",
                                   "/v1/items/a#b",
                                   "/v1/../v1/items/a",
                                   "/v1/items/..",
                                   "/v1/items/%2e%2E",
                                   "/v1/%2e%2e/v1/items/a",
                                   "/v1/./items/a",
                                   "/v1/items/.",
                                   "/v1/items/a%2Fb",
                                   "/v1/items/a%00",
                                   "/v1/items/%0a",
                                   "/v1/items/%",
                                   "/v1/items/%4",
                                   "/v1/items/%zz",
                                   "/v1/items/\xc3\xa9",
                                   "/v1/items/a?q=%",
                                   "/v1/items/a?=1",
                                   "/v1/items/a?q=1&q=2",
                                   "/v1/items/a?q=1&%71=2"}) {
    EXPECT_EQ(Get(target), 400) << target;
  }
  EXPECT_EQ(Get("/v1/items/a"), 200);
  EXPECT_EQ(Get("/v1/items/%61?q=..&r="), 200);
}

TEST_F(Framing, RefusesOtherVersionsAndWhatIsNotHttp) {
  for (const std::string line : {"GET /v1/items/a HTTP/2.0", "GET /v1/items/a HTTP/0.9",
                                 "GET /v1/items/a", "GET  /v1/items/a HTTP/1.1", "GET",
                                 "GET /v1/items/a HTTP/1.1 ", "\x16\x03\x01", "{\"a\":1}"}) {
    EXPECT_EQ(StatusOf(line + "\r\nHost: x\r\n\r\n"), 400) << line;
  }
}

TEST_F(Framing, RefusesBrokenChunks) {
  for (const std::string chunks :
       {"x\r\nhello\r\n0\r\n\r\n", "-5\r\nhello\r\n0\r\n\r\n", "5\r\nhello0\r\n\r\n",
        "0x5\r\nhello\r\n0\r\n\r\n", "5\nhello\r\n0\r\n\r\n", "5\r\nhello!!\r\n0\r\n\r\n",
        "10000000000000000\r\nhello\r\n0\r\n\r\n", "\r\nhello\r\n0\r\n\r\n",
        "5\r\nhello\r\n0\r\nContent-Length: 5\r\n\r\n",
        "5\r\nhello\r\n0\r\nTransfer-Encoding: chunked\r\n\r\n"}) {
    EXPECT_EQ(Post("Transfer-Encoding: chunked\r\n", chunks), 400) << chunks;
  }
}

TEST_F(Framing, RefusesAChunkLineOrTrailerWithoutEnd) {
  EXPECT_EQ(Post("Transfer-Encoding: chunked\r\n", "5;" + std::string(10'000, 'a')), 400);
  EXPECT_EQ(Post("Transfer-Encoding: chunked\r\n", std::string(10'000, '0')), 400);
  EXPECT_EQ(
      Post("Transfer-Encoding: chunked\r\n", "5\r\nhello\r\n0\r\nA: " + std::string(10'000, 'a')),
      400);
}

TEST_F(Framing, LeavesOutExtensionsAndTrailers) {
  RawClient client = Raw();
  client.Send(
      "POST /v1/echo HTTP/1.1\r\nHost: x\r\nContent-Type: text/plain\r\n"
      "Transfer-Encoding: chunked\r\n\r\n5;a=b\r\nhello\r\n0\r\nX-Late: y\r\n\r\n"
      "GET /v1/items/next HTTP/1.1\r\nHost: x\r\n\r\n");
  EXPECT_EQ(client.Receive().body, "hello");
  EXPECT_EQ(client.Receive().body, "next|-");
}

TEST_F(Framing, RefusesAHeaderAboveTheLimit) {
  const std::string start = "GET /v1/items/a HTTP/1.1\r\nHost: x\r\nA: ";
  const std::string end = "\r\n\r\n";
  const std::size_t room = 16 * 1024 - start.size() - end.size();
  EXPECT_EQ(StatusOf(start + std::string(room, 'a') + end), 200);
  EXPECT_EQ(StatusOf(start + std::string(room + 1, 'a') + end), 431);
  EXPECT_EQ(StatusOf(start + std::string(100'000, 'a')), 431);  // without an end
}

TEST_F(Framing, RefusesTooManyHeaders) {
  const auto with = [](std::size_t count) {
    std::string headers = "GET /v1/items/a HTTP/1.1\r\nHost: x\r\n";
    for (std::size_t i = 1; i < count; ++i) headers += "A: b\r\n";
    return headers + "\r\n";
  };
  EXPECT_EQ(StatusOf(with(kMaxHeaders)), 200);
  EXPECT_EQ(StatusOf(with(kMaxHeaders + 1)), 431);
}

// A refused request must not leave its body to be read as a request of its own.
TEST_F(Framing, DoesNotTakeTheBodyOfARefusedRequestForTheNextOne) {
  RawClient client = Raw();
  const std::string hidden = "GET /v1/items/hidden HTTP/1.1\r\nHost: x\r\n\r\n";
  client.Send("POST /v1/none HTTP/1.1\r\nHost: x\r\nContent-Length: " +
              std::to_string(hidden.size()) + "\r\n\r\n" + hidden);
  EXPECT_EQ(client.Receive().status, 404);
  EXPECT_TRUE(client.IsClosed());
  EXPECT_EQ(handled_, 0);
}

// Found by fuzzing: Beast asserts that it never sees a part of the last chunk.
TEST(RequestBody, TakesALastChunkThatComesInPieces) {
  const std::string head =
      "POST / HTTP/1.1\r\nHost: acb.test\r\nTransfer-Encoding: chunked\r\n\r\n";
  const std::string body = "5\r\nhello\r\n0\r\n\r\n";
  for (std::size_t first = 1; first < body.size(); ++first) {
    RequestParser parser;
    ASSERT_TRUE(parser.Head(head));
    std::string taken;
    const BodySink sink = [&](std::string_view part) {
      taken += part;
      return true;
    };
    std::size_t done = 0;
    BodyState state = BodyState::kNeedMore;
    for (std::size_t have = first; have <= body.size(); ++have) {
      std::size_t used = 0;
      state = parser.Body(std::string_view(body).substr(done, have - done), used, 100, sink);
      done += used;
    }
    EXPECT_EQ(state, BodyState::kComplete) << first;
    EXPECT_EQ(taken, "hello");
    EXPECT_EQ(done, body.size());
  }
}

TEST(RequestBody, DoesNotEndWithALastChunkThatIsNone) {
  RequestParser parser;
  ASSERT_TRUE(
      parser.Head("POST / HTTP/1.1\r\nHost: acb.test\r\nTransfer-Encoding: chunked\r\n\r\n"));
  const BodySink sink = [](std::string_view) { return true; };
  std::size_t used = 0;
  EXPECT_EQ(parser.Body("0\r\n", used, 100, sink), BodyState::kNeedMore);
  EXPECT_EQ(parser.Body(std::string_view("0\r\n\n").substr(used), used, 100, sink),
            BodyState::kNeedMore);
}

}  // namespace
}  // namespace acb::platform
