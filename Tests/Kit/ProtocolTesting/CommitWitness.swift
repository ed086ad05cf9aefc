import Replication
import SteppedCluster

/// Remembers what was committed at each index when it was first seen, across crashes.
public struct CommitWitness {
  public private(set) var batches: [Batch] = []
  /// Where a replica later committed something else.
  public private(set) var disagreement: LogIndex?

  public init() {}

  /// Takes note of what all replicas of a cluster have committed.
  public mutating func note<Core>(_ cluster: InProcessCluster<Core>) {
    for node in cluster.nodes.sorted(by: { $0.commits.count > $1.commits.count }) {
      note(node.commits)
    }
  }

  public mutating func note(_ commits: some Sequence<CommittedEntry>) {
    for commit in commits {
      let position = commit.index.rawValue - 1
      if position == batches.count {
        batches.append(commit.batch)
      } else if position > batches.count || batches[position] != commit.batch {
        disagreement = disagreement ?? commit.index
      }
    }
  }
}
