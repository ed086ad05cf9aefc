import ClusterMessages
import Environments
import ReplicaHosting
import Replication
import Sockets
import Trials
import WriteAheadLog

extension ReplicaHost {
  /// Restores the newest snapshot that the log names.
  /// - Parameter progress: gets the number of bytes read so far, after each part.
  mutating func recoverSnapshot(
    from files: inout SnapshotFiles, of log: borrowing WriteAheadLog, progress: (Int) -> Void
  ) throws(LogError) {
    var failure: LogError?
    let first = Int(log.voidRecordCount)
    let problem = recoverSnapshot(firstRecord: first) { reference in
      do throws(LogError) {
        return try files.content(of: reference, progress: progress)
      } catch {
        failure = error
        return nil
      }
    }
    if let failure { throw failure }
    if let problem { throw LogError(.damaged, path: log.directoryPath, reason: problem) }
    snapshots.handledByteCount = 0
  }
}

/// Snapshots, in files beside the log. A thread writes them; the node hands over small parts of its
/// state, a few hundred per second, and serves requests in between.
extension ClusterNode {
  public mutating func beginSnapshot(_ reference: SnapshotReference) {
    do { try snapshots.begin(reference) } catch { giveUpSnapshot(error) }
    if !watchesSnapshots, let signal = snapshots.signal {
      watchesSnapshots = true
      loop.add(signal, token: Token.snapshots)
    }
  }

  /// Whether the next part may be handed over: the thread has little to do and the last part was
  /// some time ago. A received snapshot does not wait, because all its parts are there already.
  public var takesSnapshotPart: Bool {
    host.snapshots.storing?.sender != nil
      || now >= nextSnapshotPart && snapshots.waitingByteCount < NodeLimits.snapshotQueue
  }

  public mutating func addSnapshotPart(_ part: [UInt8], isLast: Bool) {
    snapshots.append(part, isLast: isLast)
    counters.bytesWritten += part.count
    nextSnapshotPart = now + NodeLimits.snapshotPause
  }

  /// The time at which the next part of the state is due; `.never` if none is.
  public var snapshotDeadline: Instant {
    guard host.snapshots.hasParts, snapshots.waitingByteCount < NodeLimits.snapshotQueue else {
      return .never
    }
    return nextSnapshotPart
  }

  /// Called when the thread has written all it was given.
  public mutating func finishSnapshotWriting() {
    snapshotIsWritten = false
    do {
      if try snapshots.finishWriting() { host.snapshotStored(at: clock.reading(at: now)) }
    } catch {
      giveUpSnapshot(error)
    }
  }

  /// Gives a snapshot up. The log keeps its records, so only time is lost.
  private mutating func giveUpSnapshot(_ error: LogError) {
    warn("no snapshot: \(error)")
    host.abandonSnapshot()
  }

  public mutating func page(of reference: SnapshotReference, in range: Range<Int>) -> [UInt8]? {
    do { return try snapshots.page(of: reference, in: range) } catch {
      warn("no snapshot for others: \(error)")
      return nil
    }
  }

  public mutating func removeSnapshots(exceptFor kept: [SnapshotReference]) {
    do { try snapshots.remove(exceptFor: kept) } catch { warn("\(error)") }
  }

  public mutating func removeRecords(before first: Int) {
    // The log remembers the failure and reports it at its next commit.
    try? log.removeRecords(before: first)
  }

  public mutating func count(_ counts: SnapshotCounts) {
    counters.snapshots.taken += counts.taken
    counters.snapshots.sent += counts.sent
    counters.snapshots.installed += counts.installed
  }
}
