/* The answers of onelane's routes of the same names, for fcgiwrap: a CGI program, started for each
 * request. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

static double now(void) {
  struct timespec time;
  clock_gettime(CLOCK_MONOTONIC, &time);
  return time.tv_sec + time.tv_nsec / 1e9;
}

int main(void) {
  const char *path = getenv("SCRIPT_NAME");
  const char *query = getenv("QUERY_STRING");
  int ms = query && !strncmp(query, "ms=", 3) ? atoi(query + 3) : 0;
  if (path && !strcmp(path, "/sleep")) {
    usleep(ms * 1000);
  } else if (path && !strcmp(path, "/wait")) {
    for (double end = now() + ms / 1e3; now() < end;);
  }
  printf("Content-Type: application/json\r\n\r\n{\"ok\":true,\"pid\":%d}", getpid());
  return 0;
}
