// POST /v1/backup: a backup of the running box, for an operator to keep elsewhere.
#pragma once

#include "platform/box.h"
#include "platform/config.h"
#include "platform/router.h"

namespace acb::platform {

// 200: the file (application/octet-stream), its manifest in the header X-Backup-Manifest, its
// SHA-256 in X-Backup-SHA256 and how many pages of 4096 octets it carries in X-Backup-Pages. With
// ?since=SHA-256 of an earlier backup's file: what has changed since; NOT_FOUND when this box does
// not know that one's pages. One at a time: BUSY. The references must outlive the router.
void AddBackupRoute(Router& router, Box& box, const Config& config, const Clock& clock);

}  // namespace acb::platform
