import Replication

extension MultiPaxosReplica {
  /// Batches that wait for a place in the window: first in, first out.
  struct BatchQueue: Sendable {
    private var batches: [Batch] = []
    private var head = 0

    var isEmpty: Bool { head == batches.count }
    var count: Int { batches.count - head }

    mutating func append(_ batch: Batch) { batches.append(batch) }

    mutating func removeFirst() -> Batch? {
      guard head < batches.count else { return nil }
      let batch = batches[head]
      head += 1
      // Removed in bulk, so that each batch is moved a bounded number of times.
      if head == batches.count || head >= 1024 {
        batches.removeFirst(head)
        head = 0
      }
      return batch
    }

    mutating func refuseAll(
      redirect: ReplicaID?, into effects: inout Effects<MultiPaxosReplica>
    ) {
      while let batch = removeFirst() { effects.refuse(batch, redirect: redirect) }
    }
  }
}
