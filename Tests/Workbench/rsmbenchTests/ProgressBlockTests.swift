import Foundation
import Testing

/// The progress of a run on a real terminal, which `script` (util-linux) stands in for.
@Suite struct ProgressBlockTests {
  private static let script = "/usr/bin/script"

  @Test(
    "On a terminal the block is drawn in place, and nothing of it stays",
    .enabled(if: FileManager.default.isExecutableFile(atPath: script), "script is not installed"))
  func block() async throws {
    let space = try Workspace()
    // Trials report their progress after some thousands of events, so they need some load.
    try space.write(
      tiny("faults: [{ at: '50%', crash: 'leader', for: '100ms' }]")
        .replacing("clients: 2", with: "clients: 16").replacing("4ms", with: "0ms")
        .replacing("500ms", with: "1500ms"), to: "tiny.json5")
    let run = Process()
    run.executableURL = URL(fileURLWithPath: ProgressBlockTests.script)
    run.arguments = [
      "-qec", "stty cols 90; '\(Workspace.program.path)' run tiny.json5 --jobs 1", "terminal",
    ]
    run.currentDirectoryURL = space.folder
    run.environment = ProcessInfo.processInfo.environment
      .merging(["TERM": "xterm", "NO_COLOR": "1"]) { $1 }
    run.standardInput = FileHandle.nullDevice
    run.standardOutput = FileHandle.nullDevice
    try run.run()
    run.waitUntilExit()
    #expect(run.terminationStatus == 0)
    let lines = try space.text("terminal").split(whereSeparator: \.isNewline).map(String.init)
    let drawn = lines.filter { $0.contains(" trial ") && $0.contains("×") }
    #expect(!drawn.isEmpty)
    #expect(lines.contains { $0.contains(" %  ") && $0.contains("/4 trials") })
    // Each later drawing first erases the lines of the one before.
    #expect(lines.contains { $0.contains("\u{1B}[A") })
    // `script` ends its file with lines of its own.
    #expect(lines.contains { $0.hasSuffix("results are in results/tiny-1") })
    #expect(!lines.contains { $0.contains("linearizable") && $0.contains(" trials  ") })
  }
}
