import Foundation
import Testing

/// Kills the program with SIGKILL before the nth system call that changes a file or writes to one,
/// so that every state that a kill can leave on the disk is one of the states that tests reach.
///
/// The calls are counted by a library that the dynamic linker loads before the C library. The
/// program itself has no code for it.
enum KillPoints {
  private static let source = """
    #define _GNU_SOURCE
    #include <dlfcn.h>
    #include <signal.h>
    #include <stdio.h>
    #include <stdlib.h>
    #include <sys/types.h>
    #include <unistd.h>

    static _Atomic long steps;
    static long last;

    __attribute__((constructor)) static void begin(void) {
      const char *text = getenv("KILL_BEFORE");
      last = text ? atol(text) : 0;
    }

    static void step(void) {
      if (++steps != last) return;
      kill(getpid(), SIGKILL);
      for (;;) pause();
    }

    __attribute__((destructor)) static void end(void) {
      const char *path = getenv("KILL_COUNT");
      FILE *file = path ? fopen(path, "w") : NULL;
      if (file) { fprintf(file, "%ld", (long)steps); fclose(file); }
    }

    #define COUNTED(type, name, parameters, arguments) \\
      type name parameters { \\
        static type (*next) parameters; \\
        if (!next) next = (type (*) parameters)dlsym(RTLD_NEXT, #name); \\
        step(); \\
        return next arguments; \\
      }

    COUNTED(int, rename, (const char *a, const char *b), (a, b))
    COUNTED(int, symlink, (const char *a, const char *b), (a, b))
    COUNTED(int, unlink, (const char *a), (a))
    COUNTED(int, unlinkat, (int a, const char *b, int c), (a, b, c))
    COUNTED(int, rmdir, (const char *a), (a))
    COUNTED(int, mkdir, (const char *a, mode_t b), (a, b))
    COUNTED(ssize_t, write, (int a, const void *b, size_t c), (a, b, c))

    """

  private static let compiler = ["clang", "cc"].lazy.compactMap(path).first

  private static func path(of program: String) -> String? {
    (ProcessInfo.processInfo.environment["PATH"] ?? "").split(separator: ":")
      .map { "\($0)/\(program)" }.first { FileManager.default.isExecutableFile(atPath: $0) }
  }

  /// `nil` if kill points work here; otherwise the reason why not.
  static var problem: String? {
    #if os(Linux)
      compiler == nil ? "there is no C compiler on PATH" : nil
    #else
      "only Linux loads a library before the others by LD_PRELOAD"
    #endif
  }

  /// Compiles the library into the test's folder.
  static func library(in space: Workspace) throws -> String {
    try space.write(source, to: "kill.c")
    let compile = Process()
    compile.executableURL = URL(fileURLWithPath: try #require(compiler))
    compile.arguments = ["-shared", "-fPIC", "-o", "kill.so", "kill.c"]
    compile.currentDirectoryURL = space.folder
    try compile.run()
    compile.waitUntilExit()
    try #require(compile.terminationStatus == 0)
    return space.url("kill.so").path
  }
}
