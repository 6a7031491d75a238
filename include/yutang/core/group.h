/* A chat group, in the shard of `<shop>/~group:<group>`: how many members are in it, and the versions that its chat has told of. A version that
 * names another before it which nobody told is a hole: a callback was lost. */
#ifndef YT_CORE_GROUP_H
#define YT_CORE_GROUP_H

#include "yutang/core/send.h"

enum {
	YT_GROUP_VERSIONS_MAX = 32, /* callbacks come late by seconds; the newest so many tell whether one is missing */
	YT_GROUP_BYTES_MAX = 16 * 1024, /* 32 versions of two ids of 128 bytes */
};

struct yt_group_version {
	struct yt_str version;
	struct yt_str last; /* the version before it; empty: known by a join or leave alone, which does not say */
	int64_t at;         /* the earliest instant at which it was told of */
};

struct yt_group {
	struct yt_str name; /* `<shop>/<group>` */
	int64_t members;
	struct yt_group_version *v; /* by (at, version) */
	uint32_t n, cap;
};

void *yt_group_fresh(struct yt_arena *a, struct yt_str name);
void *yt_group_decode(struct yt_arena *a, struct yt_str name, struct yt_str value);
void yt_group_encode(const void *group, struct yt_buf *out);

/* At the member's: by so many the members of the group change with act->ev, which may name a version. */
void yt_group_tell(struct yt_act *act, struct yt_str shop, struct yt_str group, int64_t by);
/* At the group's: yt_send_take; and group.changed. */
bool yt_group_take(struct yt_act *act, struct yt_str to, enum yt_send what, struct yt_rd *r);
void yt_group_changed(struct yt_act *act, struct yt_decision *d);

#endif
