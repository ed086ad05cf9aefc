import Testing

/// Warnings appear once on standard error, and in the manifest.
@Suite struct WarningOutputTests {
  private let space: Workspace

  init() throws { space = try Workspace() }

  @Test("A doubtful experiment runs with one warning, which the manifest keeps")
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

  @Test("A run that needs more memory than available is refused, also by validate")
  func tooLarge() async throws {
    let open = "workload: { arrival: { open: '900000/s' } }"
    try space.write(
      "{ duration: '50s', trials: 1, workload: { arrival: { open: '900000/s' }, valueSize: '1MiB' } }",
      to: "large.json5")
    try space.write("{ duration: '8s', warmUp: '1s', trials: 1, \(open) }", to: "notable.json5")
    for command in ["run", "validate"] {
      let refused = try await space.rsmbench(command, "large.json5")
      #expect(refused.status == 2 && refused.output == "")
      #expect(refused.errorLines.count == 1)
      #expect(refused.errors.contains("45.0 million operations"))
    }
    let told = try await space.rsmbench("validate", "notable.json5")
    #expect(told.status == 0)
    #expect(told.errorLines.filter { $0.hasPrefix("memory: a trial with up to 7.2") }.count == 1)
  }
}
