import Foundation
import Testing

/// The message printed when a trial's thread crashes.
@Suite struct CrashNoticeTests {
  /// The program that traps, which the build puts beside the bundle of its tests.
  private static let program =
    (Bundle.main.executableURL ?? URL(fileURLWithPath: CommandLine.arguments[0]))
    .resolvingSymlinksInPath().deletingLastPathComponent().appending(path: "TrappingRun")

  private func run(_ arguments: String...) throws -> (process: Process, errors: String) {
    let process = Process()
    process.executableURL = CrashNoticeTests.program
    process.arguments = arguments
    process.environment = ["SWIFT_BACKTRACE": "enable=no"]
    let errors = Pipe()
    process.standardOutput = FileHandle.nullDevice
    process.standardError = errors
    try process.run()
    let text = String(decoding: errors.fileHandleForReading.readDataToEndOfFile(), as: UTF8.self)
    process.waitUntilExit()
    return (process, text)
  }

  @Test(
    "A thread that crashes prints its notice, and the process dies of the same signal",
    arguments: [("trap", SIGILL), ("trap", SIGTRAP), ("abort", SIGABRT), ("overflow", SIGSEGV)],
    ["1", "3"])
  func crash(how: (way: String, signal: Int32), jobs: String) throws {
    // A trap raises one of two signals, depending on the processor.
    #if arch(x86_64)
      if how.signal == SIGTRAP { return }
    #else
      if how.signal == SIGILL { return }
    #endif
    let (process, errors) = try run(how.way, jobs)
    #expect(process.terminationReason == .uncaughtSignal)
    #expect(process.terminationStatus == how.signal)
    let lines = errors.split(separator: "\n").filter { $0.hasPrefix("crashed in") }
    #expect(lines == ["crashed in piece 5"])
  }

  @Test("Work that does not crash prints no message")
  func noCrash() throws {
    let (process, errors) = try run("none", "2")
    #expect(process.terminationReason == .exit && process.terminationStatus == 0)
    #expect(errors == "")
  }
}
