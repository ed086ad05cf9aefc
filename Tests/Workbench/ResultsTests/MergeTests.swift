import Testing

@testable import Results

@Suite struct MergeTests {
  /// Writes one shard of the fixture's run, complete or without its last trial.
  private func write(
    _ number: Int, of count: Int, to path: String, experiment: String = "{}", version: String = "1",
    isWhole: Bool = true, outline: RunOutline = outline
  ) throws -> String {
    let shard = Shard(number: number, count: count)
    let directory = try RunDirectory(
      in: path, outline: outline, experiment: experiment, version: version, shard: shard)
    let places = outline.next(after: [], of: shard)
    for place in isWhole ? places : places.dropLast() { try directory.keep(finished(place)) }
    directory.release()
    return directory.path
  }

  private func refusal(_ paths: String...) -> String {
    do {
      _ = try RunMerge(paths)
      return "accepted"
    } catch { return "\(error)" }
  }

  @Test("Shards in any order give all trials in the order of their places")
  func whole() throws {
    try inTemporaryDirectory { path in
      let paths = try (1...4).map { try write($0, of: 4, to: path) }
      let merge = try RunMerge(paths.reversed())
      #expect(merge.trials == allTrials && merge.outline == outline)
      #expect(merge.experiment == "{}" && merge.version == "1")
      #expect(paths[1] == path + "/leader-crash-7-shard-2-of-4")
    }
  }

  @Test(
    "Shards that do not match, are given twice, are missing or unfinished are refused by name")
  func refusals() throws {
    try inTemporaryDirectory { path in
      let (a, b) = (try write(1, of: 2, to: path), try write(2, of: 2, to: path))
      #expect(refusal(a) == "shard 2 of 2 is missing: give all of them")
      #expect(refusal(a, b, a).contains("are both shard 1/2"))
      let other = try write(2, of: 2, to: path + "/x", experiment: "{ name: 'y' }")
      #expect(
        refusal(a, other)
          == "\(other) does not belong to \(a): it was run with another experiment or seed")
      let newer = try write(2, of: 2, to: path + "/v", version: "2")
      #expect(refusal(a, newer).contains("it was run with version 2 of the program"))
      let third = try write(3, of: 3, to: path)
      #expect(refusal(a, third).contains("another number of shards"))
      let part = try write(2, of: 2, to: path + "/p", isWhole: false)
      #expect(
        refusal(a, part).contains(
          "is not finished: chain-replication, workload.clients=64, workload.valueSize=1KiB, trial 3, is"
        ))
      #expect(refusal(path).contains("holds no shard of a run"))
      let run = try RunDirectory(in: path, outline: outline, experiment: "{}", version: "1")
      #expect(refusal(a, run.path).contains("\(run.path) holds no shard"))
      #expect(refusal(path + "/absent").contains("holds no shard"))
    }
  }

  @Test("Two directories with the same trial are refused")
  func overlap() throws {
    try inTemporaryDirectory { path in
      let (a, b) = (try write(1, of: 2, to: path), try write(2, of: 2, to: path))
      let name = outline.fragmentName(outline.places[0])
      try FileStore.write(
        Array(try FileStore.read("\(a)/.trials/\(name)")), to: "\(b)/.trials/\(name)")
      #expect(
        refusal(a, b).hasSuffix(
          "overlap: both hold raft, workload.clients=8, workload.valueSize=128B, trial 1"))
    }
  }
}
