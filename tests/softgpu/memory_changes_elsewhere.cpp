// SPDX-License-Identifier: MIT
#include <fcntl.h>
#include <linux/falloc.h>
#include <linux/io_uring.h>
#include <linux/userfaultfd.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "memory_changes.hpp"

namespace softgpu_test {
namespace {

/// A page that was shared with a child moves when the CPU writes it.
void fork_and_write(Victim& victim, HeldChild::Made made) {
  HeldChild child(made);
  std::memset(victim.memory, 2, victim.size);
}

constexpr int kPunch = FALLOC_FL_PUNCH_HOLE | FALLOC_FL_KEEP_SIZE;

int open_userfaultfd() {
  const auto descriptor =
      static_cast<int>(syscall(SYS_userfaultfd, O_CLOEXEC | UFFD_USER_MODE_ONLY));
  need(descriptor >= 0, "userfaultfd");
  return descriptor;
}

void watch_pages(int descriptor, void* begin, std::size_t size, std::uint64_t mode,
                 std::uint64_t features) {
  uffdio_api api{.api = UFFD_API, .features = features, .ioctls = 0};
  need(ioctl(descriptor, UFFDIO_API, &api) == 0, "UFFDIO_API");
  uffdio_register watched{.range = {.start = reinterpret_cast<std::uintptr_t>(begin), .len = size},
                          .mode = mode,
                          .ioctls = 0};
  need(ioctl(descriptor, UFFDIO_REGISTER, &watched) == 0, "UFFDIO_REGISTER");
}

// Linux 6.8; not in Debian 12's linux/userfaultfd.h.
struct MoveRequest {
  std::uint64_t destination;
  std::uint64_t source;
  std::uint64_t size;
  std::uint64_t mode;
  std::int64_t moved;
};
constexpr std::uint64_t kFeatureMove = 1 << 16;

/// One request through an io_uring: the kernel's own thread does it, and no system call tells of
/// it.
class IoUring {
 public:
  IoUring() {
    io_uring_params parameters{};
    ring_ = static_cast<int>(syscall(SYS_io_uring_setup, 1, &parameters));
    need(ring_ >= 0, "io_uring_setup");
    const std::size_t size =
        parameters.cq_off.cqes + parameters.cq_entries * sizeof(io_uring_cqe) + kPage;
    rings_ = static_cast<char*>(map(size, IORING_OFF_SQ_RING));
    requests_ = static_cast<io_uring_sqe*>(map(sizeof(io_uring_sqe), IORING_OFF_SQES));
    tail_ = reinterpret_cast<unsigned*>(rings_ + parameters.sq_off.tail);
    answers_ = reinterpret_cast<io_uring_cqe*>(rings_ + parameters.cq_off.cqes);
    reinterpret_cast<unsigned*>(rings_ + parameters.sq_off.array)[0] = 0;
  }

  void run(const io_uring_sqe& request, const char* name) {
    requests_[0] = request;
    __atomic_store_n(tail_, *tail_ + 1, __ATOMIC_RELEASE);
    REQUIRE(syscall(SYS_io_uring_enter, ring_, 1, 1, IORING_ENTER_GETEVENTS, nullptr, 0) == 1);
    errno = -answers_[0].res;
    need(answers_[0].res == 0, name);
  }

 private:
  void* map(std::size_t size, off_t offset) const {
    void* memory =
        mmap(nullptr, size, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, ring_, offset);
    REQUIRE(memory != MAP_FAILED);
    return memory;
  }

  int ring_ = -1;
  char* rings_ = nullptr;
  io_uring_sqe* requests_ = nullptr;
  unsigned* tail_ = nullptr;
  const io_uring_cqe* answers_ = nullptr;
};

}  // namespace

void libc_fork(Victim& victim, DriverLog&) { fork_and_write(victim, HeldChild::Made::kByLibc); }

void raw_fork(Victim& victim, DriverLog&) {
#ifdef SYS_fork
  const auto child = static_cast<pid_t>(syscall(SYS_fork));
  if (child == 0) {
    pause();
    _exit(0);
  }
  REQUIRE(child > 0);
  write_all(victim);
  kill(child, SIGKILL);
  waitpid(child, nullptr, 0);
#else
  (void)victim;
#endif
}

void truncate_file(Victim& victim, DriverLog&) {
  REQUIRE(ftruncate(victim.file, kPage) == 0);
  REQUIRE(ftruncate(victim.file, static_cast<off_t>(victim.size)) == 0);
  refill(victim);
}

void truncate_path(Victim& victim, DriverLog&) {
  const std::string path = "/proc/self/fd/" + std::to_string(victim.file);
  REQUIRE(truncate(path.c_str(), kPage) == 0);
  REQUIRE(truncate(path.c_str(), static_cast<off_t>(victim.size)) == 0);
  refill(victim);
}

void punch_file(Victim& victim, DriverLog&) {
  REQUIRE(fallocate(victim.file, kPunch, kPage, kPage) == 0);
  refill(victim);
}

void write_protect_by_userfaultfd(Victim& victim, DriverLog&) {
  const int descriptor = open_userfaultfd();
  watch_pages(descriptor, victim.memory, victim.size, UFFDIO_REGISTER_MODE_WP,
              UFFD_FEATURE_PAGEFAULT_FLAG_WP);
  uffdio_writeprotect request{
      .range = {.start = reinterpret_cast<std::uintptr_t>(victim.memory), .len = kPage},
      .mode = UFFDIO_WRITEPROTECT_MODE_WP};
  REQUIRE(ioctl(descriptor, UFFDIO_WRITEPROTECT, &request) == 0);
  request.mode = 0;
  REQUIRE(ioctl(descriptor, UFFDIO_WRITEPROTECT, &request) == 0);
}

void move_by_userfaultfd(Victim& victim, DriverLog&) {
  void* target = mmap(nullptr, kPage, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
  REQUIRE(target != MAP_FAILED);
  const int descriptor = open_userfaultfd();
  watch_pages(descriptor, target, kPage, UFFDIO_REGISTER_MODE_MISSING, kFeatureMove);
  MoveRequest request{.destination = reinterpret_cast<std::uintptr_t>(target),
                      .source = reinterpret_cast<std::uintptr_t>(victim.memory),
                      .size = kPage,
                      .mode = 0,
                      .moved = 0};
  need(ioctl(descriptor, _IOWR(UFFDIO, 0x05, MoveRequest), &request) == 0, "UFFDIO_MOVE");
  refill(victim);
}

void advise_by_io_uring(Victim& victim, DriverLog&) {
  io_uring_sqe request{};
  request.opcode = IORING_OP_MADVISE;
  request.addr = reinterpret_cast<std::uintptr_t>(victim.memory + kPage);
  request.len = kPage;
  request.fadvise_advice = MADV_DONTNEED;
  IoUring().run(request, "IORING_OP_MADVISE");
  refill(victim);
}

void punch_by_io_uring(Victim& victim, DriverLog&) {
  io_uring_sqe request{};
  request.opcode = IORING_OP_FALLOCATE;
  request.fd = victim.file;
  request.off = kPage;
  request.addr = kPage;  // the length (io_uring_enter(2))
  request.len = kPunch;  // the mode
  IoUring().run(request, "IORING_OP_FALLOCATE");
  refill(victim);
}

void clear_soft_dirty(Victim&, DriverLog&) {
  const int file = open("/proc/self/clear_refs", O_WRONLY | O_CLOEXEC);
  need(file >= 0 && write(file, "4", 1) == 1, "clear_refs");
  close(file);
}

}  // namespace softgpu_test
