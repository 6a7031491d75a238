/* The direct reader against the reader over base/json: whatever the bytes, both say the same. */
#include "unit/test.h"

#include "event/direct.h"
#include "unit/event_same.h"

#define NOW INT64_C(1754042400000) /* 2025-08-01T10:00:00Z */

enum { ROUNDS = 4000, BYTES_MAX = 4096 };

static struct yt_arena arena;

#define EVENT(type, data) \
	"{\"specversion\":\"1.0\",\"id\":\"e1\",\"source\":\"/shops/s1\",\"type\":\"" type "\",\"time\":\"2025-08-01T10:00:00.250Z\"," \
	"\"datacontenttype\":\"application/json\",\"data\":" data "}"

/* What senders write: the direct reader takes each of them. */
static const char *const usual[] = {
	EVENT("order.paid", "{\"order\":\"A-1\",\"member\":\"m1\",\"paid_at\":1754042399000,\"amount\":12900,\"currency\":\"CNY\",\"items\":[{\"sku\":\"oil-1l\","
	      "\"quantity\":1,\"amount\":12900},{\"sku\":\"r\",\"quantity\":2,\"amount\":-100}],\"coupons\":[\"4YJQ4FB15KHR\",\"x\"],\"channel\":\"search\","
	      "\"buyer\":{\"phone\":\"5f1c\",\"device\":\"\",\"address\":\"9f\"},\"presale\":\"p1\"}"),
	EVENT("order.paid", "{\"order\":\"订单\",\"member\":\"会员\",\"paid_at\":1754042399000,\"amount\":0,\"currency\":\"CNY\",\"items\":[],\"channel\":null}"),
	EVENT("order.shipped", "{\"order\":\"A-1\",\"shipped_at\":1754042399000,\"carrier\":\"SF\",\"tracking\":\"\"}"),
	EVENT("order.signed", "{\"order\":\"A-1\",\"member\":\"m1\",\"signed_at\":1754042399000}"),
	EVENT("order.refunded", "{\"order\":\"A-1\",\"refund\":\"R\",\"refunded_at\":1754042399000,\"amount\":1,\"items\":[{\"sku\":\"s\",\"quantity\":1,\"amount\":7}]}"),
	EVENT("order.refunded", "{\"order\":\"A-1\",\"refund\":\"R\",\"refunded_at\":1754042399000,\"amount\":1,\"items\":[{\"sku\":\"s\",\"quantity\":1}]}"),
	EVENT("order.cancelled", "{\"order\":\"A-1\",\"cancelled_at\":1754042399000,\"by\":\"staff\",\"n\":-12,\"t\":true,\"f\":false,\"z\":null}"),
	EVENT("presale.deposit_paid", "{\"presale\":\"p\",\"member\":\"m1\",\"paid_at\":1754042399000,\"amount\":3000,\"balance_from\":1764042399000,\"balance_until\":1764042399001}"),
	EVENT("presale.deposit_refunded", "{\"presale\":\"p\",\"member\":\"m1\",\"refunded_at\":1754042399000}"),
	EVENT("alias.bound", "{\"alias\":\"order:o\",\"member\":\"m1\"}"),
	EVENT("member.linked", "{\"identity\":\"wecom:1\",\"member\":\"m1\"}"),
	EVENT("member.erase", "{\"member\":\"m1\",\"by\":\"anna\"}"),
	EVENT("group.joined", "{\"group\":\"g\",\"member\":\"m1\",\"joined_at\":1754042399000,\"account\":\"a\",\"inviter\":\"m2\",\"channel\":\"c\",\"version\":9}"),
	EVENT("group.changed", "{\"group\":\"g\",\"version\":\"9c3f\",\"last_version\":-7}"),
	EVENT("group.left", "{\"group\":\"g\",\"member\":\"m1\",\"left_at\":1754042399000,\"reason\":\"kicked\",\"version\":-1}"),
	EVENT("contact.added", "{\"account\":\"a\",\"member\":\"m1\",\"added_at\":1754042399000,\"welcome_until\":1754042499000}"),
	EVENT("contact.removed", "{\"account\":\"a\",\"member\":\"m1\",\"removed_at\":1754042399000}"),
	EVENT("referral.bound", "{\"referrer\":\"m2\",\"member\":\"m1\",\"bound_at\":1754042399000,\"amount\":5}"),
	EVENT("share.made", "{\"share\":\"cut\",\"member\":\"m1\",\"friend\":\"m2\",\"shared_at\":1754042399000}"),
	EVENT("gift.claimed", "{\"gift\":\"box\",\"member\":\"m1\",\"claimed_at\":1754042399000}"),
	EVENT("gift.claimed", "{\"gift\":\"box\",\"member\":\"m1\",\"claimed_at\":1754042399000,\"claim\":\"2\"}"),
	/* data before everything, and space wherever it may stand */
	" {\t\"data\" : { \"paid_at\" : 1754042399000 , \"items\" : [ { \"amount\" : 1 , \"quantity\" : 1 , \"sku\" : \"s\" } ] , \"currency\" : \"CNY\" ,\n"
	"\"amount\" : 1 , \"member\" : \"m1\" , \"order\" : \"A-1\" } , \"time\" : \"2025-08-01T18:00:00+08:00\" , \"type\" : \"order.paid\" ,\r\n"
	"\"source\" : \"/shops/s1\" , \"id\" : \"e1\" , \"specversion\" : \"1.0\" } \n",
};
enum { N_USUAL = sizeof usual / sizeof *usual };

/* The value in memory of just its size, so that a step too far shows under AddressSanitizer. */
static bool agree(struct yt_str value, bool *direct)
{
	char *exact = malloc(value.n ? value.n : 1);
	struct yt_decoded got, tree;
	struct yt_event ev = { 0 };
	bool good;

	memcpy(exact, value.p, value.n);
	value.p = exact;
	yt_event_decode(&arena, value, NULL, 0, NOW, &got);
	yt_event_decode_tree(&arena, value, NULL, 0, NOW, &tree);
	good = decoded_same(&got, &tree);
	*direct = yt_event_direct(&arena, value, &ev);
	free(exact);
	yt_arena_reset(&arena);
	return good;
}

TEST(what_senders_write_is_read_directly)
{
	bool direct;

	for (int k = 0; k < N_USUAL; k++) {
		CHECK_MSG(agree(yt_str_z(usual[k]), &direct), "%s", usual[k]);
		CHECK_MSG(direct, "not read directly: %s", usual[k]);
	}
}

TEST(what_is_unusual_is_left_to_the_tree)
{
	static const char *const unusual[] = {
		EVENT("order.signed", "{\"order\":\"A\\u002d1\",\"signed_at\":1754042399000}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"signed_at\":1754042399000,\"more\":{\"a\":1}}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"signed_at\":1754042399000,\"more\":[1]}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"signed_at\":1754042399000,\"more\":1.5}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"signed_at\":1754042399000,\"a\":1,\"a\":1}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"signed_at\":1754042399000,\"order\":\"A-1\"}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"signed_at\":1754042399000.0}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"signed_at\":01754042399000}"),
		EVENT("order.signed", "{\"order\":1,\"signed_at\":1754042399000}"),
		EVENT("order.signed", "{\"order\":\"\",\"signed_at\":1754042399000}"),
		EVENT("order.signed", "{\"order\":\"A\x7f\",\"signed_at\":1754042399000}"),
		EVENT("order.signed", "{\"order\":\"A\xc2\x80\",\"signed_at\":1754042399000}"),
		EVENT("order.signed", "{\"order\":\"A\xc0\x80\",\"signed_at\":1754042399000}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"member\":\"~x\",\"signed_at\":1754042399000}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"signed_at\":1754042399}"),
		EVENT("order.signed", "{\"order\":\"A-1\"}"),
		EVENT("order.gone", "{\"order\":\"A-1\",\"signed_at\":1754042399000}"),
		EVENT("order.refunded", "{\"order\":\"A-1\",\"refund\":\"R\",\"refunded_at\":1754042399000,\"amount\":-1}"),
		EVENT("order.signed", "{\"order\":\"A-1\",\"signed_at\":1754042399000}") "x",
		"", " ", "{", "{}", "[]", "null", "{\"data\":{}}", "{\"specversion\":\"1.0\"}",
	};
	bool direct;

	for (size_t k = 0; k < sizeof unusual / sizeof *unusual; k++) {
		CHECK_MSG(agree(yt_str_z(unusual[k]), &direct), "%s", unusual[k]);
		CHECK_MSG(!direct, "read directly: %s", unusual[k]);
	}
}

TEST(each_cut_is_a_fault_for_both)
{
	bool direct;

	for (int k = 0; k < N_USUAL; k++)
		for (size_t n = 0; n < strlen(usual[k]); n++) {
			CHECK_MSG(agree(yt_str(usual[k], n), &direct), "%.*s", (int)n, usual[k]);
		}
}

/* ---- mutation ---- */

static uint64_t seed;

static size_t below(size_t n)
{
	seed = seed * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
	return (size_t)(seed >> 33) % n;
}

static const char *const pieces[] = {
	"\"", "\\", "\\u0041", "\\u0001", "\\n", "{", "}", "[", "]", "[]", "{}", ",", ":", "null", "true", "false", "0", "-", "-0", "00", "1", "1.0", "1e3", "E",
	"9007199254740991", "9007199254740992", "99999999999999999999", "946684799999", "1754128800001", "~", " ", "\n", "\x7f", "\xc2\x80", "\xc2\xa0",
	"\xe4\xbc\x9a", "\xed\xa0\x80", "\xff", "\x1f", "\"order\":", "\"member\":\"m2\",", "\"amount\":1,", "\"items\":[],", "\"x\":1,", "\"x\":{},",
	"\"id\":\"e2\",", "\"data_base64\":null,", "\"data\":{},", "\"type\":\"order.signed\",", "\"currency\":\"USD\",", "\"sku\":\"s\",", "order.paid", "Z", "+08:00",
	"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
};

static void splice(char *doc, size_t *n, size_t at, size_t cut, const char *piece, size_t piece_n)
{
	if (cut > *n - at)
		cut = *n - at;
	if (*n - cut + piece_n > BYTES_MAX)
		return;
	memmove(doc + at + piece_n, doc + at + cut, *n - at - cut);
	memcpy(doc + at, piece, piece_n);
	*n = *n - cut + piece_n;
}

static void mutate(char *doc, size_t *n)
{
	char part[64];
	size_t from, part_n;
	const char *piece = pieces[below(sizeof pieces / sizeof *pieces)];

	if (*n == 0)
		return;
	switch (below(5)) {
	case 0: doc[below(*n)] = (char)(below(2) ? below(256) : ' ' + below(95)); break;
	case 1: splice(doc, n, below(*n), 1 + below(8), "", 0); break;
	case 2: splice(doc, n, below(*n), 0, piece, strlen(piece)); break;
	case 3: splice(doc, n, below(*n), 1 + below(8), piece, strlen(piece)); break;
	case 4: /* a part once more, elsewhere */
		from = below(*n);
		part_n = 1 + below(sizeof part - 1);
		if (part_n > *n - from)
			part_n = *n - from;
		memcpy(part, doc + from, part_n);
		splice(doc, n, below(*n), 0, part, part_n);
		break;
	}
}

TEST(mutated_events_read_the_same)
{
	static char doc[BYTES_MAX];
	int directs = 0;

	for (int k = 0; k < N_USUAL; k++)
		for (int round = 0; round < ROUNDS; round++) {
			size_t n = strlen(usual[k]);
			bool direct;

			seed = (uint64_t)(k * ROUNDS + round);
			memcpy(doc, usual[k], n);
			for (size_t times = 1 + below(2); times > 0; times--)
				mutate(doc, &n);
			CHECK_MSG(agree(yt_str(doc, n), &direct), "event %d round %d: %.*s", k, round, (int)n, doc);
			directs += direct;
		}
	/* Else the mutations are too harsh to say anything. */
	CHECK_MSG(directs > N_USUAL * ROUNDS / 20, "%d read directly", directs);
}

TEST_MAIN
{
	yt_types_init();
	yt_arena_init(&arena, 0);
	RUN(what_senders_write_is_read_directly);
	RUN(what_is_unusual_is_left_to_the_tree);
	RUN(each_cut_is_a_fault_for_both);
	RUN(mutated_events_read_the_same);
	yt_arena_deinit(&arena);
}
