// A consistent copy of the data file while the store works (R-SEC3-78). Private to store/.
#pragma once

#include "store/store.h"
#include "store/transactions.h"

namespace acb::store {

// The entry of kind `export`, which is anchored before the job's caller is released: what is copied
// afterwards contains it.
Result<audit::Receipt> AppendExport(WriteTransaction& transaction, const audit::Entry& entry,
                                    Environment environment);

// Gives the octets of data.mdb, as of one moment of this call, to `sink` in their order.
//
// LMDB writes the copy from the open environment into a pipe: data.mdb is not opened a second time,
// since the close of any descriptor of it would drop LMDB's locks. The writer goes on; it is held
// up only while the first two pages go into the pipe, which takes them at once. Pages that are
// freed meanwhile are not used again before the end: the file may grow.
Status CopyTo(const LmdbEnvironment& environment, const CopySink& sink);

}  // namespace acb::store
