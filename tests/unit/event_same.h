/* Two decodes of the same value told the same: for the test and the fuzzer of the direct reader. */
#ifndef YT_EVENT_SAME_H
#define YT_EVENT_SAME_H

#include "yutang/event/event.h"

static bool same_field(enum yt_field_kind kind, const union yt_field_value *a, const union yt_field_value *b)
{
	switch (kind) {
	case YT_FK_ID:
	case YT_FK_MEMBER:
	case YT_FK_TEXT:
	case YT_FK_VERSION:
	case YT_FK_CURRENCY: return yt_str_eq(a->s, b->s);
	case YT_FK_INSTANT:
	case YT_FK_MONEY: return a->i == b->i;
	case YT_FK_BUYER:
		return yt_str_eq(a->list.buyer->phone, b->list.buyer->phone) && yt_str_eq(a->list.buyer->device, b->list.buyer->device) &&
		       yt_str_eq(a->list.buyer->address, b->list.buyer->address);
	case YT_FK_CODES:
		for (uint32_t k = 0; k < a->list.n && k < b->list.n; k++)
			if (!yt_str_eq(a->list.codes[k], b->list.codes[k]))
				return false;
		return a->list.n == b->list.n;
	case YT_FK_ITEMS:
		for (uint32_t k = 0; k < a->list.n && k < b->list.n; k++) {
			const struct yt_item *x = &a->list.items[k], *y = &b->list.items[k];

			if (!yt_str_eq(x->sku, y->sku) || x->quantity != y->quantity || x->amount != y->amount)
				return false;
		}
		return a->list.n == b->list.n;
	}
	return false;
}

static bool decoded_same(const struct yt_decoded *a, const struct yt_decoded *b)
{
	const struct yt_event *x = a->event, *y = b->event;

	if (a->dead != b->dead || strcmp(a->detail, b->detail) != 0 || !x != !y)
		return false;
	if (!x)
		return true;
	if (x->type != y->type || x->present != y->present || x->time != y->time || x->at != y->at || !yt_str_eq(x->id, y->id) ||
	    !yt_str_eq(x->shop, y->shop))
		return false;
	for (int k = 0; k < yt_types[x->type].n_fields; k++)
		if ((x->present >> k & 1) && !same_field(yt_fields[yt_types[x->type].fields[k].field].kind, &x->f[k], &y->f[k]))
			return false;
	return true;
}

#endif
