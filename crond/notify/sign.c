/* sign: what proves to a robot that a message is ours.
 * Flow: request asks for it when a message is made up, at each try. */
#include "config.h"

#include "crond/notify/sign.h"

#include <inttypes.h>
#include <sha1.h>
#include <sha2.h>
#include <stdio.h>
#include <string.h>

#include "crond/notify/secret.h"

enum { BLOCK = SHA256_BLOCK_LENGTH, DIGEST = SHA256_DIGEST_LENGTH, STAMP = 32 };

static void digest(const uint8_t pad[BLOCK], const void *text, size_t n, uint8_t out[DIGEST])
{
	SHA2_CTX c;

	SHA256Init(&c);
	SHA256Update(&c, pad, BLOCK);
	SHA256Update(&c, text, n);
	SHA256Final(out, &c);
	explicit_bzero(&c, sizeof(c));
}

static void hmac(struct slice key, struct slice text, uint8_t out[DIGEST])
{
	uint8_t inner[BLOCK] = { 0 }, outer[BLOCK];
	SHA2_CTX c;

	if (key.n > BLOCK) {
		SHA256Init(&c);
		SHA256Update(&c, (const uint8_t *)key.s, key.n);
		SHA256Final(inner, &c);
	} else {
		memcpy(inner, key.s, key.n);
	}
	for (size_t i = 0; i < BLOCK; i++) {
		outer[i] = inner[i] ^ 0x5c;
		inner[i] ^= 0x36;
	}
	digest(inner, text.s, text.n, out);
	digest(outer, out, DIGEST, out);
	explicit_bzero(inner, sizeof(inner));
	explicit_bzero(outer, sizeof(outer));
}

/* A digest's 32 bytes: ten triples and a rest of two. */
static void base64(const uint8_t bytes[DIGEST], char out[SIGN_ROOM])
{
	static const char digits[] =
	        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

	for (size_t i = 0; i < DIGEST; i += 3) {
		uint32_t v = (uint32_t)bytes[i] << 16 | (uint32_t)bytes[i + 1] << 8 |
		        (i + 2 < DIGEST ? bytes[i + 2] : 0u);

		for (unsigned k = 0; k < 4; k++)
			*out++ = digits[v >> (18 - 6 * k) & 63];
	}
	out[-1] = '=';
	*out = '\0';
}

void sign_text(struct slice key, struct slice text, char out[SIGN_ROOM])
{
	uint8_t bytes[DIGEST];

	hmac(key, text, bytes);
	base64(bytes, out);
}

static int stamped(int64_t stamp, const char *secret, char out[SECRET_MOST + STAMP])
{
	int n = snprintf(out, SECRET_MOST + STAMP, "%" PRId64 "\n%s", stamp, secret);

	return n < SECRET_MOST + STAMP ? n : -1;
}

int sign_feishu(int64_t seconds, const char *secret, char out[SIGN_ROOM])
{
	char key[SECRET_MOST + STAMP];
	int n = stamped(seconds, secret, key);

	if (n >= 0)
		sign_text((struct slice){ key, (size_t)n }, (struct slice){ "", 0 }, out);
	explicit_bzero(key, sizeof(key));
	return n < 0 ? -1 : 0;
}

int sign_dingtalk(int64_t ms, const char *secret, char out[SIGN_ROOM])
{
	char text[SECRET_MOST + STAMP];
	int n = stamped(ms, secret, text);

	if (n >= 0)
		sign_text(slice_of(secret), (struct slice){ text, (size_t)n }, out);
	explicit_bzero(text, sizeof(text));
	return n < 0 ? -1 : 0;
}

void sign_uuid(const char *host, const char *run_id, char out[SIGN_UUID])
{
	static const uint8_t space[16] = { 0x5b, 0x0e, 0x6b, 0x6c, 0x9d, 0x1f, 0x4c, 0x3a, 0x8e,
		0x57, 0x1a, 0x2b, 0x90, 0x4d, 0x77, 0xc1 };
	uint8_t b[SHA1_DIGEST_LENGTH];
	SHA1_CTX c;

	SHA1Init(&c);
	SHA1Update(&c, space, sizeof(space));
	SHA1Update(&c, (const uint8_t *)host, strlen(host) + 1);
	SHA1Update(&c, (const uint8_t *)run_id, strlen(run_id));
	SHA1Final(b, &c);
	b[6] = (uint8_t)((b[6] & 0x0f) | 0x50);
	b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
	snprintf(out, SIGN_UUID,
	        "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
	        b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
	        b[15]);
}
