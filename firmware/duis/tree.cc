#include "firmware/duis/tree.h"

#include <libxml/parser.h>
#include <libxml/xmlerror.h>

#include <limits>
#include <string>

#include "firmware/duis/reading.h"

namespace acb::duis {
namespace {

// Never NOENT, DTDLOAD, DTDATTR, XINCLUDE (they read from elsewhere), RECOVER or HUGE.
// PEDANTIC warns of relative namespace names, for which there is no canonical form.
constexpr int kOptions = XML_PARSE_NONET | XML_PARSE_NOCDATA | XML_PARSE_PEDANTIC;

// What libxml2 complained of first.
struct Complaint {
  bool made = false;
  int line = 0;
  std::string text;
};

// Called within xmlCtxtReadMemory, with the parser context.
void OnError(void* user, xmlErrorPtr error) {
  auto* context = static_cast<xmlParserCtxt*>(user);
  auto* complaint = static_cast<Complaint*>(context->_private);
  if (!complaint->made) {
    complaint->made = true;
    complaint->line = error->line;
    complaint->text = Printable(error->message == nullptr ? "" : error->message);
  }
  // Even after a fatal error libxml2 would read on to the end of the document.
  xmlStopParser(context);
}

}  // namespace

Result<Tree> BuildTree(BytesView octets) {
  if (octets.size() > std::numeric_limits<int>::max()) return Failure{Reason::kTooLarge};
  const Handle<xmlParserCtxt, xmlFreeParserCtxt> context(xmlNewParserCtxt());
  if (!context) return Failure{Reason::kBusy, {}, "no memory for an XML parser"};
  Complaint complaint;
  context->_private = &complaint;
  context->sax->serror = OnError;

  Tree tree(xmlCtxtReadMemory(context.get(), reinterpret_cast<const char*>(octets.data()),
                              static_cast<int>(octets.size()), nullptr, "UTF-8", kOptions));
  // A warning counts too.
  const bool good =
      tree && !complaint.made && context->wellFormed == 1 && context->nsWellFormed == 1;
  if (!good) {
    const std::string line =
        complaint.line > 0 ? " (line " + std::to_string(complaint.line) + ")" : "";
    return Failure{Reason::kMalformed,
                   "the document is not well-formed XML 1.0 with namespaces" + line,
                   "libxml2: " + complaint.text};
  }
  return tree;
}

}  // namespace acb::duis
