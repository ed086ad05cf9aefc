import CLinux
import Glibc
import Sockets

/// The reason why a cluster could not be run to its end, in one sentence.
package struct ClusterError: Error, Equatable, Sendable, CustomStringConvertible {
  package var description: String
  /// The node that did not start, if that is the reason.
  package var unstarted: Int?

  package init(_ description: String, unstarted: Int? = nil) {
    self.description = description
    self.unstarted = unstarted
  }
}

/// A child process that this process has started and that no other code reaps.
package struct ChildProcess: ~Copyable {
  package let number: pid_t
  package private(set) var isRunning = true
  /// The status with which it has ended, as `waitpid` reports it.
  package private(set) var status: Int32 = 0
  private let endsByItself: Bool

  /// - Parameters:
  ///   - input: becomes the child's standard input; -1 for none.
  ///   - messages: becomes its standard output and error; -1 for none.
  ///   - endsByItself: `deinit` waits for the child's end instead of killing it.
  package init(
    program: String, arguments: [String], input: Int32 = -1,
    messages: Int32 = -1, endsByItself: Bool = false
  ) throws(ClusterError) {
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    let started = linux_spawn(program, words, input, messages)
    for word in words { free(word) }
    guard started > 0 else {
      throw ClusterError("cannot start \(program): \(SocketError.text(of: -started))")
    }
    number = started
    self.endsByItself = endsByItself
  }

  deinit {
    if isRunning {
      if !endsByItself { kill(number, SIGKILL) }
      var status: Int32 = 0
      _ = linux_reap(number, 1, &status)
    }
  }

  package borrowing func signal(_ signal: Int32) {
    if isRunning { _ = Glibc.kill(number, signal) }
  }

  /// Whether the process has ended by now.
  package mutating func hasEnded() -> Bool {
    if isRunning, linux_reap(number, 0, &status) != 0 { isRunning = false }
    return !isRunning
  }

  /// Waits until the process has ended by itself.
  package mutating func wait() {
    if isRunning { _ = linux_reap(number, 1, &status) }
    isRunning = false
  }

  /// Ends the process at once, and waits until it is gone.
  package mutating func end() {
    signal(SIGKILL)
    wait()
  }
}

/// Removes a directory and its contents when this value ends, or as soon as this process has ended,
/// for whatever reason. A shell in a session of its own does that: it waits for the end of a pipe.
/// The guard may be made before the directory, so that the directory never exists without it.
package struct DirectoryGuard: ~Copyable {
  private let shell: ChildProcess
  private let pipe: Int32
  package let path: String

  package init(path: String) throws(ClusterError) {
    var ends: (Int32, Int32) = (0, 0)
    let result = withUnsafeMutablePointer(to: &ends) {
      $0.withMemoryRebound(to: Int32.self, capacity: 2) { linux_pipe($0) }
    }
    guard result == 0 else {
      throw ClusterError("cannot make a pipe: \(SocketError.text(of: -result))")
    }
    // A line says that the directory is no longer used. The end of the pipe without a line says
    // that its user has died. Then the nodes die, too, but perhaps a moment later, and a node that
    // was just starting may create the directory once more.
    let script = """
      if read -r line; then rm -rf -- "$1"; exit; fi
      tries=0
      absent=0
      while [ $absent -lt 3 ] && [ $tries -lt 200 ]; do
        if [ -e "$1" ]; then absent=0; rm -rf -- "$1"; else absent=$((absent + 1)); fi
        tries=$((tries + 1))
        sleep 0.05
      done
      """
    var isMade = false
    defer {
      close(ends.0)
      if !isMade { close(ends.1) }
    }
    let shell = try ChildProcess(
      program: "/bin/sh", arguments: ["-c", script, "rsmbench-guard", path], input: ends.0,
      endsByItself: true)
    self.path = path
    pipe = ends.1
    self.shell = shell
    isMade = true
  }

  deinit {
    // If the shell was ended from outside, the write fails, which does no harm.
    let line: [UInt8] = [0x0A]
    _ = write(pipe, line, 1)
    close(pipe)
  }
}

/// How the nodes of a cluster are started.
package struct NodeLauncher: Sendable {
  package var program: String
  /// The arguments that make the program node `number`, with its log in `directory`.
  package var arguments: @Sendable (_ number: Int, _ directory: String) -> [String]

  package init(
    program: String, arguments: @escaping @Sendable (_ number: Int, _ directory: String) -> [String]
  ) {
    self.program = program
    self.arguments = arguments
  }

  /// The path of the running program.
  package static var thisProgram: String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    guard count > 0 else { return "" }
    return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// A node of a cluster as a process that can be started, ended, signalled, and started again.
package struct NodeProcess: ~Copyable {
  package let number: Int
  package let directory: String
  private let launcher: NodeLauncher
  /// Whether an earlier log of the node was lost.
  package var replacesLost = false
  private var child: ChildProcess?
  /// The node's standard output and error: a file in memory, because the disk may be the very thing
  /// that the node reports as failed.
  private let messages: Int32

  package init(number: Int, directory: String, launcher: NodeLauncher) {
    self.number = number
    self.directory = directory
    self.launcher = launcher
    child = nil
    messages = linux_memory_file()
  }

  deinit { if messages >= 0 { close(messages) } }

  package mutating func start() throws(ClusterError) {
    let started = try ChildProcess(
      program: launcher.program,
      arguments: launcher.arguments(number, directory) + (replacesLost ? ["--replace"] : []),
      messages: messages)
    processNumber = started.number
    child = consume started
  }

  /// `nil` while no process runs.
  package private(set) var processNumber: pid_t?
  package var isStarted: Bool { processNumber != nil }

  package mutating func end() {
    child?.end()
    forget()
  }

  private mutating func forget() {
    child = nil
    processNumber = nil
  }

  package mutating func signal(_ signal: Int32) { child?.signal(signal) }

  /// Whether the process has ended although this process did not end it; true only once per end.
  package mutating func hasEnded() -> Bool {
    guard child?.hasEnded() == true else { return false }
    ending = describe(child?.status ?? 0)
    forget()
    return true
  }

  /// How the process last ended, if this process did not end it.
  package private(set) var ending = ""

  private func describe(_ status: Int32) -> String {
    // Without the program's name, because the words become part of a sentence of this process.
    let words = String(lastWords.trimmingPrefix("rsmbench: "))
    let signal = status & 0x7F
    guard signal == 0 else {
      // After a signal from outside, earlier messages of the node do not explain its end.
      let isFromOutside = [SIGKILL, SIGTERM, SIGINT, SIGHUP].contains(signal)
      return "killed by signal \(signal)" + (isFromOutside || words.isEmpty ? "" : ": \(words)")
    }
    let code = status >> 8 & 0xFF
    return code == 0 || words.isEmpty ? "exit code \(code)" : words
  }

  /// The last line that the node has written to its standard output or error.
  package var lastWords: String {
    guard messages >= 0 else { return "" }
    var status = stat()
    guard fstat(messages, &status) == 0 else { return "" }
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = max(pread(messages, &bytes, bytes.count, max(0, status.st_size - 4096)), 0)
    let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
    return lines.last.map(String.init) ?? ""
  }
}
