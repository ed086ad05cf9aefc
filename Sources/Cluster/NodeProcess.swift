import CLinux
import Glibc
import Sockets

/// Why a cluster could not be run to its end: one sentence.
public struct ClusterError: Error, Equatable, Sendable, CustomStringConvertible {
  public var description: String

  public init(_ description: String) { self.description = description }
}

/// A child process that this process has started and nobody else reaps.
public struct ChildProcess: ~Copyable {
  public let number: pid_t
  public private(set) var isRunning = true

  /// - Parameters:
  ///   - setting: `NAME=value`, added to the environment unless the variable is set already.
  ///   - input: becomes the child's standard input; -1 for none.
  ///   - messages: a file to which its standard output and error go; nil for nowhere.
  public init(
    program: String, arguments: [String], setting: String? = nil, input: Int32 = -1,
    messages: String? = nil
  ) throws(ClusterError) {
    var file: Int32 = -1
    if let messages {
      file = open(messages, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
      guard file >= 0 else {
        throw ClusterError("cannot write \(messages): \(SocketError.text(of: errno))")
      }
    }
    var words: [UnsafeMutablePointer<CChar>?] = ([program] + arguments).map { strdup($0) }
    words.append(nil)
    let started = linux_spawn(program, words, setting, input, file)
    for word in words { free(word) }
    if file >= 0 { close(file) }
    guard started > 0 else {
      throw ClusterError("cannot start \(program): \(SocketError.text(of: -started))")
    }
    number = started
  }

  deinit {
    if isRunning {
      kill(number, SIGKILL)
      var status: Int32 = 0
      _ = linux_reap(number, 1, &status)
    }
  }

  public borrowing func signal(_ signal: Int32) {
    if isRunning { _ = Glibc.kill(number, signal) }
  }

  /// Whether the process has ended by now; the status is then as `waitpid` tells it.
  public mutating func hasEnded() -> Bool {
    var status: Int32 = 0
    if isRunning, linux_reap(number, 0, &status) != 0 { isRunning = false }
    return !isRunning
  }

  /// Waits until the process has ended by itself.
  public mutating func wait() {
    var status: Int32 = 0
    if isRunning { _ = linux_reap(number, 1, &status) }
    isRunning = false
  }

  /// Leaves the process to the caller, who reaps it.
  public consuming func release() -> pid_t {
    let number = number
    discard self
    return number
  }

  /// Ends the process at once, and waits until it is gone.
  public mutating func end() {
    signal(SIGKILL)
    wait()
  }
}

/// Removes a directory with all that is in it as soon as this process has ended, however it ended: a shell
/// that waits for the end of a pipe, in a session of its own.
///
/// When the value ends, the directory is removed and the shell is gone.
public struct DirectoryGuard: ~Copyable {
  private let shell: pid_t
  private let pipe: Int32
  public let path: String

  public init(path: String) throws(ClusterError) {
    var ends: (Int32, Int32) = (0, 0)
    let result = withUnsafeMutablePointer(to: &ends) {
      $0.withMemoryRebound(to: Int32.self, capacity: 2) { linux_pipe($0) }
    }
    guard result == 0 else {
      throw ClusterError("cannot make a pipe: \(SocketError.text(of: -result))")
    }
    // The nodes die with the process that started them, but perhaps a moment later.
    let script = """
      cat > /dev/null
      tries=0
      while [ -e "$1" ] && [ $tries -lt 100 ]; do
        rm -rf -- "$1" 2> /dev/null
        tries=$((tries + 1))
        sleep 0.05
      done
      """
    defer { close(ends.0) }
    let shell = try ChildProcess(
      program: "/bin/sh", arguments: ["-c", script, "rsmbench-guard", path], input: ends.0)
    self.path = path
    pipe = ends.1
    self.shell = shell.release()
  }

  deinit {
    close(pipe)
    var status: Int32 = 0
    _ = linux_reap(shell, 1, &status)
  }
}

/// How the nodes of a cluster are started.
public struct NodeLauncher: Sendable {
  public var program: String
  /// What the program is told so that it becomes node `number`, with its log in `directory`.
  public var arguments: @Sendable (_ number: Int, _ directory: String) -> [String]

  public init(
    program: String, arguments: @escaping @Sendable (_ number: Int, _ directory: String) -> [String]
  ) {
    self.program = program
    self.arguments = arguments
  }

  /// The program that runs at present.
  public static var thisProgram: String {
    var path = [CChar](repeating: 0, count: Int(PATH_MAX) + 1)
    let count = readlink("/proc/self/exe", &path, path.count - 1)
    guard count > 0 else { return "" }
    return String(decoding: path[..<count].map { UInt8(bitPattern: $0) }, as: UTF8.self)
  }
}

/// A node of a cluster as its process: started, ended, stopped, and started again.
public struct NodeProcess: ~Copyable {
  public let number: Int
  public let directory: String
  private let launcher: NodeLauncher
  private var child: ChildProcess?

  public init(number: Int, directory: String, launcher: NodeLauncher) {
    self.number = number
    self.directory = directory
    self.launcher = launcher
    child = nil
  }

  private var messages: String { directory + ".messages" }

  /// Lets the C library ask for huge pages: a log that grows in memory costs a page fault for each 4 KiB
  /// otherwise, a tenth of a busy replica's time.
  private static let allocation = "GLIBC_TUNABLES=glibc.malloc.hugetlb=1"

  public mutating func start() throws(ClusterError) {
    let started = try ChildProcess(
      program: launcher.program, arguments: launcher.arguments(number, directory),
      setting: NodeProcess.allocation, messages: messages)
    processNumber = started.number
    child = consume started
  }

  /// `nil` while no process runs.
  public private(set) var processNumber: pid_t?
  public var isStarted: Bool { processNumber != nil }

  public mutating func end() {
    child?.end()
    forget()
  }

  private mutating func forget() {
    child = nil
    processNumber = nil
  }

  public mutating func signal(_ signal: Int32) { child?.signal(signal) }

  /// Whether the process has ended although nobody ended it.
  public mutating func hasEnded() -> Bool {
    guard child?.hasEnded() == true else { return false }
    forget()
    return true
  }

  /// The last line that the node has written to its standard error.
  public var lastWords: String {
    let file = open(messages, O_RDONLY | O_CLOEXEC)
    guard file >= 0 else { return "" }
    defer { close(file) }
    let size = lseek(file, 0, SEEK_END)
    lseek(file, max(0, size - 4096), SEEK_SET)
    var bytes = [UInt8](repeating: 0, count: 4096)
    let count = max(read(file, &bytes, bytes.count), 0)
    let lines = String(decoding: bytes[..<count], as: UTF8.self).split(separator: "\n")
    return lines.last.map(String.init) ?? ""
  }
}
