import Environments
import ReplicaHosting
import Replication
import Trials

/// A snapshot on the disk of a simulated node.
public struct StoredSnapshot: Sendable {
  public let reference: SnapshotReference
  public var content: [UInt8]
}

/// Snapshots beside the log. Writing one costs processor time for its bytes, and disk time for a
/// sync and its bytes. The log's syncs do not wait for it.
extension SimulatedNode {
  public mutating func addSnapshotPart(
    _ part: [UInt8], isLast: Bool, in world: inout SharedWorld
  ) {
    storing?.content += part
    usage.bytesWritten += part.count
    turn.spend(Double(part.count) * world.cpu.perByteNs * slowness)
    guard isLast, let content = storing?.content else { return }
    var time = extraSyncTime + world.disk.transferTime(of: content.count)
    if let sampler = world.diskSampler { time += sampler.next(&snapshotRandom) }
    world.schedule(
      .stored(node: number, incarnation: incarnation), at: world.now + turn.elapsed + time)
  }

  /// Ends the writing of a snapshot, which is reported later if the disk is stalled or the process
  /// is stopped.
  public mutating func storeEnded(in world: inout SharedWorld) {
    if diskIsStalled || isStopped {
      storeIsOverdue = true
      return
    }
    storeIsOverdue = false
    usage.syncs += 1
    if let stored = storing { snapshots.append(stored) }
    storing = nil
    if mustWait(in: &world) {
      inbox.append(.stored)
      noteWaiting(in: world)
      return
    }
    takeStored(in: &world)
    finishTurn(in: &world)
  }

  public mutating func takeStored(in world: inout SharedWorld) {
    host.snapshotStored(at: clock.reading(at: world.now))
    noteInput(in: &world)
    checkInvariants(in: &world)
  }

  /// The commits before the installed snapshot are those that the snapshot contains.
  public mutating func noteInstalled() {
    guard let index = host.snapshots.installedIndex else { return }
    commits = CommittedBatches()
    commits.agreedCount = index.rawValue
  }

  public mutating func chargeSnapshots(in world: borrowing SharedWorld) {
    turn.spend(Double(host.snapshots.handledByteCount) * world.cpu.perByteNs * slowness)
    host.snapshots.handledByteCount = 0
  }

  public func page(of reference: SnapshotReference, in range: Range<Int>) -> [UInt8]? {
    guard let stored = snapshots.last(where: { $0.reference == reference }),
      range.upperBound <= stored.content.count
    else { return nil }
    return Array(stored.content[range])
  }

  /// Removes records that no restart needs, even if they would be needed for another purpose.
  public mutating func removeRecords(before first: Int) {
    guard first > forgottenCount else { return }
    precondition(first <= barrier.durableCount, "only durable records can be removed")
    log.removeFirst(first - forgottenCount)
    forgottenCount = first
  }
}
