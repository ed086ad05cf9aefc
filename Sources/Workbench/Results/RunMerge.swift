import Foundation

/// Reads the shards of a run from their directories and merges them.
package struct RunMerge: Sendable {
  package let outline: RunOutline
  /// The resolved experiment that all shards ran.
  package let experiment: String
  package let version: String
  /// The trials of all shards, in the order of their places.
  package let trials: [FinishedTrial]
  private let histories: [(name: String, path: String)]

  /// Reads the shards. The error names a shard that does not belong, is given twice or is missing.
  ///
  /// - Parameter paths: the directories of all shards, in any order.
  package init(_ paths: [String]) throws(RunDirectoryError) {
    var shards: [(path: String, content: RunDirectory.Content)] = []
    for path in paths { shards.append((path, try RunDirectory.content(of: path))) }
    guard let first = shards.first, let whole = first.content.identity.shard else {
      throw .notAShard(path: paths.first ?? "")
    }
    var byNumber: [Int: String] = [:]
    for (path, content) in shards {
      guard let shard = content.identity.shard else { throw .notAShard(path: path) }
      if let what = content.identity.difference(from: first.content.identity) {
        throw .notOfOneRun(path: path, other: first.path, what: what)
      }
      if let other = byNumber[shard.number] {
        throw .shardTwice(shard: shard.description, path: path, other: other)
      }
      byNumber[shard.number] = path
    }
    let missing = (1...whole.count).filter { byNumber[$0] == nil }
    guard missing.isEmpty else { throw .shardsMissing(missing, count: whole.count) }
    outline = first.content.identity.outline
    experiment = first.content.identity.experiment
    version = first.content.identity.version
    trials = try RunMerge.trials(of: shards, outline)
    histories = shards.flatMap { path, content in
      content.histories.map { ($0, FileStore.join(path, $0)) }
    }
  }

  private static func trials(
    of shards: [(path: String, content: RunDirectory.Content)], _ outline: RunOutline
  ) throws(RunDirectoryError) -> [FinishedTrial] {
    var owners: [TrialPlace: String] = [:]
    var trials: [FinishedTrial] = []
    for (path, content) in shards {
      for trial in content.trials {
        if let other = owners[trial.place] {
          throw .trialTwice(trial: outline.name(of: trial.place), path: path, other: other)
        }
        owners[trial.place] = path
        trials.append(trial)
      }
    }
    for (path, content) in shards {
      guard let next = outline.next(after: trials, of: content.identity.shard).first else {
        continue
      }
      throw .shardUnfinished(path: path, trial: outline.name(of: next))
    }
    return trials.sorted { $0.place < $1.place }
  }

  /// Writes the files that an undivided run would have written.
  package func write(
    to directory: RunDirectory, manifest: Manifest
  ) throws(RunDirectoryError) {
    for (name, path) in histories {
      try directory.write(Array(try FileStore.read(path)), to: name)
    }
    try directory.writeResults(trials, manifest: manifest)
  }
}

extension RunOutline {
  /// A readable name: `raft, workload.clients=8, trial 3`.
  package func name(of place: TrialPlace) -> String {
    let point = pointText(place.point)
    return ([protocols[place.protocolIndex]] + (point.isEmpty ? [] : [point])).joined(
      separator: ", ")
      + ", trial \(place.trial)"
  }

  /// `NAME-SEED`, followed by the shard, if any.
  package func directoryName(_ shard: Shard?) -> String {
    "\(name)-\(seed)" + (shard.map { "-shard-\($0.number)-of-\($0.count)" } ?? "")
  }
}
