/* What the tests of calls share: small channels with both ends in this process, and handlers. Knows nothing of single
 * rules; those stand in test_duplex_*.c. */
#ifndef ZEROBUFFER_TESTS_CHANNEL_H
#define ZEROBUFFER_TESTS_CHANNEL_H

#include "check.h"

/* The defaults, for two small lanes. */
zb_duplex_config small_channel(uint64_t request_size, uint64_t response_size);

/* A server and a client of the same channel, in this process. */
typedef struct channel {
  const char* name;
  zb_server* server;
  zb_client* client;
} channel;
channel open_channel(uint32_t kind, const zb_duplex_config* config);
void close_channel(channel* ends);

/* Answers with the request's own bytes and type, as each kind of server does it. */
void echo(zb_request* request, void* context);
/* The same with each byte inverted. */
void invert(zb_request* request, void* context);
/* Answers with an error that has the request's bytes as text. */
void refuse(zb_request* request, void* context);
/* Leaves the request as it is. */
void forget(zb_request* request, void* context);

/* Calls with these bytes, and the answer must be the same ones. */
void expect_echo(zb_client* client, const void* bytes, size_t size);
/* Calls with the number, and the answer must be the same one. */
void expect_number_echo(zb_client* client, uint64_t number);
uint64_t number_in(const void* data, size_t size);

zb_duplex_stats client_stats(const zb_client* client);
zb_duplex_stats server_stats(const zb_server* server);
zb_failure last_failure(void);

#endif
