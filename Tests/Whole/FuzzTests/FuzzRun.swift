import Foundation
import Primitives
import Replication
import Synchronization
import Testing

/// Reads the settings of the fuzzing from the environment.
///
///     RSMBENCH_FUZZ_INPUTS=10000000 swift test -c release --filter FuzzTests
///     RSMBENCH_FUZZ_SEED=42 RSMBENCH_FUZZ_INPUTS=1 \
///       swift test --filter FuzzTests.FrameFuzzTests/frames
enum FuzzRequest {
  static func number(_ name: String) -> UInt64? {
    ProcessInfo.processInfo.environment[name].flatMap { UInt64($0) }
  }

  /// The inputs of all decoders together: `RSMBENCH_FUZZ_INPUTS`, or 15,000.
  static var inputCount: Int { number("RSMBENCH_FUZZ_INPUTS").map { Int(clamping: $0) } ?? 15_000 }
  /// The first seed: `RSMBENCH_FUZZ_SEED`, or 1.
  static var firstSeed: UInt64 { number("RSMBENCH_FUZZ_SEED") ?? 1 }
  /// Whether this run was requested alone, so that the process's memory is that of the fuzzing.
  static var isAlone: Bool { number("RSMBENCH_FUZZ_INPUTS") != nil }
}

/// Gives one decoder its inputs, each from its own seed.
///
/// The current seed is kept in a file, so that a trap can be replayed; a watchdog ends the process
/// with the replay command if one input takes a minute.
struct FuzzRun {
  /// The suite and the test, as in `--filter FuzzTests.NAME`.
  let name: String
  /// Separates the random streams of different decoders.
  let label: UInt64
  let inputCount: Int

  /// The most seconds of processor time for an input, even in a debug build on a busy machine.
  static let slowest = 5.0
  /// The most KiB by which the process may grow, resident and reserved.
  static let residentGrowth = 256 << 10
  static let reservedGrowth = 2 << 20

  /// - Parameter permille: this decoder's share of all inputs.
  init(_ name: String, label: UInt64, permille: Int) {
    self.name = name
    self.label = label
    inputCount = max(1, FuzzRequest.inputCount * permille / 1000)
  }

  func replay(_ seed: UInt64) -> String {
    "replay: RSMBENCH_FUZZ_SEED=\(seed) RSMBENCH_FUZZ_INPUTS=1 swift test --filter FuzzTests.\(name)"
  }

  /// Calls `body` once per seed. `body` returns a description of the decoder's error, if there is
  /// one.
  func forEachInput(_ body: (inout RandomStream) throws -> String?) throws {
    let box = try BlackBox(self)
    let before = Memory.now()
    var problemCount = 0
    var slowest = 0.0
    var began = ThreadClock.seconds()
    for offset in 0..<UInt64(inputCount) {
      let seed = FuzzRequest.firstSeed &+ offset
      box.note(seed)
      var random = RandomStream(seed: seed, label: label)
      if let problem = try body(&random) {
        problemCount += 1
        Issue.record("\(problem)\n\(replay(seed))")
        if problemCount == 5 { break }
      }
      let ended = ThreadClock.seconds()
      if ended - began > FuzzRun.slowest {
        Issue.record("\(ended - began) s of processor time\n\(replay(seed))")
      }
      slowest = max(slowest, ended - began)
      began = ended
    }
    box.close()
    let growth = Memory.now() - before
    if FuzzRequest.isAlone {
      let most = String(format: "%.1f", slowest * 1e3)
      print("\(name): \(inputCount) inputs, the slowest took \(most) ms, \(growth)")
      #expect(growth.residentKiB <= FuzzRun.residentGrowth, "\(growth)")
      #expect(growth.reservedKiB <= FuzzRun.reservedGrowth, "\(growth)")
    }
  }
}

/// The current seed, for the watchdog.
private final class Progress: Sendable {
  let seed = Atomic<UInt64>(0)
  let seenByWatchdog = Atomic<UInt64>(0)
}

/// The file that keeps the current seed after the process has died.
private final class BlackBox {
  private let descriptor: Int32
  private let path: String
  private let progress = Progress()
  private let timer = DispatchSource.makeTimerSource(queue: .global())

  init(_ run: FuzzRun) throws {
    let file = run.name.replacing("/", with: "-") + "-\(run.label)"
    path = FileManager.default.temporaryDirectory.appending(path: "rsmbench-fuzz-\(file).seed").path
    descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0o644)
    try #require(descriptor >= 0, "\(path) cannot be written")
    if FuzzRequest.isAlone { print("\(run.name): if it dies, the seed is in \(path)") }
    timer.schedule(deadline: .now() + 60, repeating: 60)
    timer.setEventHandler { [progress] in
      let now = progress.seed.load(ordering: .relaxed)
      if progress.seenByWatchdog.exchange(now, ordering: .relaxed) == now {
        FileHandle.standardError.write(Data("a hang, \(run.replay(now))\n".utf8))
        abort()
      }
    }
    timer.resume()
  }

  func note(_ seed: UInt64) {
    progress.seed.store(seed, ordering: .relaxed)
    let digits = String(seed)
    let line = String(repeating: "0", count: 20 - digits.utf8.count) + digits + "\n"
    _ = line.utf8CString.withUnsafeBytes { pwrite(descriptor, $0.baseAddress, 21, 0) }
  }

  func close() {
    timer.cancel()
    Glibc.close(descriptor)
    unlink(path)
  }
}

/// The processor time of this thread, which does not grow because the machine is busy.
private enum ThreadClock {
  static func seconds() -> Double {
    var time = timespec()
    clock_gettime(CLOCK_THREAD_CPUTIME_ID, &time)
    return Double(time.tv_sec) + Double(time.tv_nsec) * 1e-9
  }
}

/// The peak memory of the process.
struct Memory: CustomStringConvertible {
  var residentKiB: Int
  var reservedKiB: Int

  static func now() -> Memory {
    let status = (try? String(contentsOfFile: "/proc/self/status", encoding: .utf8)) ?? ""
    func kibibytes(_ key: String) -> Int {
      status.split(separator: "\n").first { $0.hasPrefix(key) }
        .flatMap { line in Int(line.filter(\.isNumber)) } ?? 0
    }
    return Memory(residentKiB: kibibytes("VmHWM:"), reservedKiB: kibibytes("VmPeak:"))
  }

  static func - (a: Memory, b: Memory) -> Memory {
    Memory(
      residentKiB: a.residentKiB - b.residentKiB, reservedKiB: a.reservedKiB - b.reservedKiB)
  }

  var description: String { "grew by \(residentKiB) KiB, by \(reservedKiB) KiB reserved" }
}
