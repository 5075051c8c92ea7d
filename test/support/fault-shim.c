/*
 * Preloaded (LD_PRELOAD), makes one operation of a process go wrong: it counts what the process does below FAULT_FOLDER, and on its
 * network connections, and at number FAULT_AT either kills it (FAULT_KIND=kill: SIGKILL, a write is half done by then) or lets this and all
 * later operations fail that a disk without space (ENOSPC) or without leave to write (EROFS) lets fail.
 *
 * FAULT_SHARED is a file of two 32-bit words: how many operations there were, and whether the disk is well again.
 */
#define _GNU_SOURCE
#include <dirent.h>
#include <dlfcn.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <sys/statfs.h>
#include <sys/uio.h>
#include <unistd.h>

#define MOST_FILES 65536
enum { READS = 1, CREATES = 2, WRITES = 4, REMOVES = 8, CONNECTION = 16 };
enum { UNWATCHED, ON_DISK, ON_NETWORK };

static struct { _Atomic uint32_t operations, well; } *shared;
static const char *folder;
static uint32_t at;
static int failing, counted;
static _Atomic char files[MOST_FILES];

#define REAL(name) ((__typeof__(&name))real(#name))
static void *real(const char *name) { return dlsym(RTLD_NEXT, name); }

__attribute__((constructor)) static void begin(void) {
  const char *kind = getenv("FAULT_KIND"), *where = getenv("FAULT_SHARED"), *number = getenv("FAULT_AT");
  unsetenv("LD_PRELOAD");
  if (!kind || !where || !number) return;
  int fd = REAL(open64)(where, O_RDWR);
  if (fd < 0) abort();
  shared = mmap(NULL, sizeof *shared, PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
  REAL(close)(fd);
  if (shared == MAP_FAILED) abort();
  at = (uint32_t)atoi(number);
  failing = strcmp(kind, "ENOSPC") == 0 ? ENOSPC : strcmp(kind, "EROFS") == 0 ? EROFS : 0;
  counted = failing == ENOSPC ? CREATES | WRITES : failing == EROFS ? CREATES | WRITES | REMOVES : ~0;
  folder = getenv("FAULT_FOLDER");
}

static int within(const char *path) { return folder && strncmp(path, folder, strlen(folder)) == 0; }
static int watched(int fd) { return fd >= 0 && fd < MOST_FILES ? files[fd] : UNWATCHED; }
static void watch(int fd, int how) { if (fd >= 0 && fd < MOST_FILES) files[fd] = (char)how; }

/* Counts an operation; whether it is the one, and after it for as long as the disk is not well. */
static int goes_wrong(int what) {
  if (!shared || !(counted & what)) return 0;
  uint32_t number = ++shared->operations;
  if (!at || (failing ? number < at || shared->well : number != at)) return 0;
  errno = failing;
  return 1;
}

static int die(void) {
  if (!failing) for (;;) kill(getpid(), SIGKILL);
  return -1;
}

#define PATH(what, path) if (within(path) && goes_wrong(what)) return die()
#define FD(on_disk, fd) \
  if (watched(fd) && goes_wrong(watched(fd) == ON_DISK ? on_disk : CONNECTION)) return die()

int open64(const char *path, int flags, ...) {
  va_list more;
  va_start(more, flags);
  mode_t mode = flags & O_CREAT ? va_arg(more, mode_t) : 0;
  va_end(more);
  int writes = (flags & O_ACCMODE) != O_RDONLY;
  PATH(!writes ? READS : flags & O_CREAT ? CREATES : failing == EROFS ? WRITES : READS, path);
  int fd = REAL(open64)(path, flags, mode);
  if (within(path)) watch(fd, ON_DISK);
  return fd;
}
int close(int fd) {
  watch(fd, UNWATCHED);
  return REAL(close)(fd);
}
int connect(int fd, const struct sockaddr *address, socklen_t size) {
  if (address->sa_family == AF_INET || address->sa_family == AF_INET6) watch(fd, ON_NETWORK);
  FD(READS, fd);
  return REAL(connect)(fd, address, size);
}

ssize_t read(int fd, void *to, size_t size) { FD(READS, fd); return REAL(read)(fd, to, size); }
ssize_t pread64(int fd, void *to, size_t size, off64_t from) { FD(READS, fd); return REAL(pread64)(fd, to, size, from); }
ssize_t recvmsg(int fd, struct msghdr *to, int flags) { FD(READS, fd); return REAL(recvmsg)(fd, to, flags); }

/* Half of what is written before a kill is there. */
#define TORN(fd, from, size, call) \
  if (watched(fd) && goes_wrong(watched(fd) == ON_DISK ? WRITES : CONNECTION)) { \
    if (!failing) (void)!call; \
    return die(); \
  }
ssize_t write(int fd, const void *from, size_t size) {
  TORN(fd, from, size, REAL(write)(fd, from, size / 2));
  return REAL(write)(fd, from, size);
}
ssize_t pwrite64(int fd, const void *from, size_t size, off64_t offset) {
  TORN(fd, from, size, REAL(pwrite64)(fd, from, size / 2, offset));
  return REAL(pwrite64)(fd, from, size, offset);
}
ssize_t writev(int fd, const struct iovec *from, int count) {
  TORN(fd, from, count, REAL(writev)(fd, from, count / 2));
  return REAL(writev)(fd, from, count);
}
ssize_t pwritev64(int fd, const struct iovec *from, int count, off64_t offset) {
  TORN(fd, from, count, REAL(pwritev64)(fd, from, count / 2, offset));
  return REAL(pwritev64)(fd, from, count, offset);
}
ssize_t sendmsg(int fd, const struct msghdr *from, int flags) { FD(WRITES, fd); return REAL(sendmsg)(fd, from, flags); }

int fsync(int fd) { FD(WRITES, fd); return REAL(fsync)(fd); }
int fdatasync(int fd) { FD(WRITES, fd); return REAL(fdatasync)(fd); }
int ftruncate64(int fd, off64_t size) { FD(failing == EROFS ? WRITES : REMOVES, fd); return REAL(ftruncate64)(fd, size); }
int rename(const char *from, const char *to) { PATH(CREATES, to); return REAL(rename)(from, to); }
int link(const char *from, const char *to) { PATH(CREATES, to); return REAL(link)(from, to); }
int mkdir(const char *path, mode_t mode) {
  /* Where it is already, disks say so, whatever else is wrong with them. */
  if (access(path, F_OK) != 0) PATH(CREATES, path);
  return REAL(mkdir)(path, mode);
}
char *mkdtemp(char *path) {
  if (within(path) && goes_wrong(CREATES)) return die(), NULL;
  return REAL(mkdtemp)(path);
}
int unlink(const char *path) { PATH(REMOVES, path); return REAL(unlink)(path); }
int rmdir(const char *path) { PATH(REMOVES, path); return REAL(rmdir)(path); }
int scandir64(const char *path, struct dirent64 ***to, int (*filter)(const struct dirent64 *),
              int (*order)(const struct dirent64 **, const struct dirent64 **)) {
  PATH(READS, path);
  return REAL(scandir64)(path, to, filter, order);
}
int statfs64(const char *path, struct statfs64 *to) {
  PATH(READS, path);
  return REAL(statfs64)(path, to);
}
