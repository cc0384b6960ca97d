/* words: texts as they may stand in the database.
 * Flow: write binds them; what jobs print may be any bytes. */
#include "config.h"

#include "crond/history/words.h"

#include "crond/base/buf.h"
#include "crond/base/text.h"

static size_t sound(struct slice s)
{
	return *s.s ? text_utf8(s) : 0;
}

bool words_are_clean(struct slice s)
{
	while (s.n) {
		size_t n = sound(s);

		if (!n)
			return false;
		s.s += n;
		s.n -= n;
	}
	return true;
}

/* Could more bytes make a character of what is left? */
static bool is_half(struct slice s)
{
	unsigned char c = (unsigned char)*s.s;
	size_t wants = c >= 0xf0 && c < 0xf5 ? 4
		: c >= 0xe0 && c < 0xf0      ? 3
		: c >= 0xc2 && c < 0xe0      ? 2
		                             : 0;

	if (s.n >= wants)
		return false;
	for (size_t i = 1; i < s.n; i++)
		if (((unsigned char)s.s[i] & 0xc0) != 0x80)
			return false;
	return true;
}

void words_clean(struct buf *out, struct slice s, size_t most, bool cut)
{
	static const char odd[] = "\xef\xbf\xbd";

	while (s.n) {
		size_t n = sound(s), takes = n ? n : sizeof(odd) - 1;

		if (takes > most || (!n && cut && is_half(s)))
			return;
		buf_append(out, n ? s.s : odd, takes);
		most -= takes;
		s.s += n ? n : 1;
		s.n -= n ? n : 1;
	}
}
