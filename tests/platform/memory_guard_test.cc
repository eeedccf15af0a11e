#include "platform/memory_guard.h"

#include <gtest/gtest.h>

#include <new>

namespace acb::platform {
namespace {

TEST(BusyWithoutMemory, AnswersBusyAndTheNextRequestIsServed) {
  bool memory = false;
  const Handler handler = BusyWithoutMemory([&](const HttpRequest&) {
    if (!memory) throw std::bad_alloc();
    return HttpResponse{};
  });
  const HttpResponse busy = handler({});
  EXPECT_EQ(busy.status, 503);
  EXPECT_NE(busy.body.find("\"reason\":\"BUSY\""), std::string::npos) << busy.body;
  memory = true;
  EXPECT_EQ(handler({}).status, 200);
}

}  // namespace
}  // namespace acb::platform
