import CLinux
import Foundation
import Synchronization

/// Turns the first Ctrl-C (or a request to terminate) into a call. A second one ends the program at
/// once.
///
/// The call is made on a separate thread, because the threads of a dispatch queue may all be busy
/// with trials.
final class Interruption: Sendable {
  private let event: Int32
  private let isOver: Flag

  /// Shared with the thread, which may outlive this value.
  private final class Flag: Sendable {
    let value = Atomic<Bool>(false)
  }

  init(_ stop: @escaping @Sendable () -> Void) {
    let event = linux_event_create()
    precondition(event >= 0, "no descriptor is left for signals")
    let isOver = Flag()
    self.event = event
    self.isOver = isOver
    Thread.detachNewThread {
      linux_event_await(event)
      if !isOver.value.load(ordering: .acquiring) { stop() }
    }
    linux_await_interruption(event)
  }

  /// Stops catching signals: they end the program again.
  func end() {
    linux_end_interruption()
    isOver.value.store(true, ordering: .releasing)
    linux_event_ring(event)
  }
}

/// The revision of the sources from which this program was built.
enum GitRevision {
  /// `unknown` if the program is not in a checkout, or git is missing.
  static var ofProgram: String {
    guard let program = Bundle.main.executableURL?.resolvingSymlinksInPath() else {
      return "unknown"
    }
    let process = Process()
    process.executableURL = URL(fileURLWithPath: "/usr/bin/env")
    process.arguments = [
      "git", "-C", program.deletingLastPathComponent().path, "describe", "--always", "--dirty",
      "--abbrev=40", "--exclude=*",
    ]
    let output = Pipe()
    process.standardOutput = output
    process.standardError = FileHandle.nullDevice
    guard (try? process.run()) != nil else { return "unknown" }
    let bytes = output.fileHandleForReading.readDataToEndOfFile()
    process.waitUntilExit()
    let text = String(decoding: bytes, as: UTF8.self).trimmingCharacters(
      in: .whitespacesAndNewlines)
    return process.terminationStatus == 0 && !text.isEmpty ? text : "unknown"
  }
}
