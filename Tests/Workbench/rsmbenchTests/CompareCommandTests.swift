import Testing

@Suite struct CompareCommandTests {
  @Test("Two runs are compared, and a condition on their difference sets the exit code")
  func compare() async throws {
    let space = try Workspace()
    try space.write(tiny("trials: 3").replacing("trials: 2,", with: ""), to: "tiny.json5")
    for (out, clients) in [("a", "2"), ("b", "1")] {
      let run = try await space.rsmbench(
        "run", "tiny.json5", "--out", out, "--set", "workload.clients=\(clients)")
      #expect(run.status == 0)
    }
    let plain = try await space.rsmbench("compare", "a/tiny-1", "b/tiny-1")
    #expect(plain.status == 0 && plain.errors.isEmpty)
    #expect(plain.output.hasPrefix("b/tiny-1 against a/tiny-1\n"))
    #expect(plain.output.contains("paired by seed"))
    let failed = try await space.rsmbench(
      "compare", "a/tiny-1", "b/tiny-1", "--fail-if", "change.throughput < -20%", "--format", "json"
    )
    #expect(failed.status == 1)
    #expect(failed.errorLines.count == 2)
    #expect(
      failed.errors.contains("change.throughput < -20% in b/tiny-1, raft: change.throughput -"))
    #expect(failed.output.contains("\"metric\": \"throughput\""))
    let same = try await space.rsmbench(
      "compare", "a/latest", "a/tiny-1", "--fail-if", "change.throughput < 0")
    #expect(same.status == 0)

    for (words, expected) in [
      (["a/tiny-1"], "rsmbench: compare what? Give two directories"),
      (["a/tiny-1", "c"], "rsmbench: c holds no results: give the directory of a finished run"),
      (
        ["a/tiny-1", "b/tiny-1", "--fail-if", "change.throughputs < 0"],
        "rsmbench: --fail-if change.throughputs < 0: found \"throughputs\", allowed a metric"
      ),
      (
        ["a/tiny-1", "b/tiny-1", "--fail-if", "raft.throughput < 0"],
        "rsmbench: --fail-if raft.throughput < 0: found \"raft\", allowed a row of the comparison: new, base"
      ),
    ] {
      let refused = try await space.rsmbench(list: ["compare"] + words)
      #expect(refused.status == 2)
      #expect(refused.errorLines.count == 1)
      #expect(refused.errors.hasPrefix(expected), "\(refused.errors)")
    }
  }
}
