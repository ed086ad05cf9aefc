import Testing

/// Where warnings go: once, on standard error, and into the manifest.
@Suite struct WarningOutputTests {
  private let space: Workspace

  init() throws { space = try Workspace() }

  @Test("A doubtful experiment runs, is warned about once, and the manifest keeps the warning")
  func run() async throws {
    let warning = "replicas: 4 replicas have majorities of 3"
    try space.write(tiny("replicas: 4,"), to: "even.json5")
    let run = try await space.rsmbench("run", "even.json5")
    #expect(run.status == 0)
    #expect(run.errorLines.filter { $0.hasPrefix("warning: \(warning)") }.count == 1)
    #expect(try space.text("results/tiny-1/manifest.json").contains(warning))
    let quiet = try await space.rsmbench("run", "even.json5", "--force", "--quiet")
    #expect(quiet.errors == "")
  }
}
