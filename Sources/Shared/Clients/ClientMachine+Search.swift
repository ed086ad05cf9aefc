import Replication
import WireFormat

// When a client acts without an answer, and which replica it asks then.
extension ClientMachine {
  public mutating func act(at time: Instant) {
    progress.actAt = time
    wakeAt = min(time, progress.deadline)
  }

  /// The replica that the outstanding request is sent to.
  public var target: ReplicaID { progress.isRead ? readTarget : updateTarget }

  /// How long an attempt may take before it times out.
  @inline(__always)
  public var timer: Interval {
    if case .fixed(let interval) = patience {
      interval
    } else {
      roundTrips.backedOff + progress.extraTime
    }
  }

  /// The time that a large request takes to be sent, copied to the replicas and written there: 1 µs
  /// for each 10 bytes beyond 256 KiB. The round trips of small requests do not include it, and
  /// sending again would make it longer. For the same reason a suspect gets the whole time for such
  /// a request.
  @inline(__always)
  static func extraTime(of command: borrowing Application.Command) -> Interval {
    let byteCount = command.encodedByteCount - (256 << 10)
    return byteCount > 0 ? .nanoseconds(Int64(byteCount) * 100) : .zero
  }

  /// 5 ms, 10 ms and then always 20 ms: short enough to find a new leader soon, and long enough not
  /// to flood a cluster that is electing one.
  public var pause: Interval { .milliseconds(5) * (1 << min(max(progress.pauses - 1, 0), 2)) }
  public static var longestPause: Interval { .milliseconds(20) }

  public mutating func rest(at now: Instant, atLeast least: Interval = .zero) {
    progress.pauses += 1
    progress.isPausing = true
    let drawn =
      progress.isRepeating
      ? retries.pause(
        before: progress.repetitions + 1, of: RequestID(client: id, sequence: sequence)) : nil
    act(at: now + (drawn ?? max(pause, least)))
  }

  /// Takes a sample if it is certain which attempt was answered. The sample of an attempt that had
  /// timed out is limited to four times the timer, so that a stall is not taken for the usual round
  /// trip.
  public mutating func learn(from replica: ReplicaID, at now: Instant) {
    guard let first = progress.firstSilent else {
      roundTrips.learn(now - progress.sent)
      return
    }
    if progress.silences == 1, replica == first.replica, replica != target {
      roundTrips.learn(min(now - first.sent, roundTrips.timer * 4))
    } else if replica == target, replica != first.replica, progress.silences < replicas.count {
      roundTrips.learn(now - progress.sent)
    }
  }

  public mutating func aim(at target: ReplicaID) {
    if progress.isRead { readTarget = target } else { updateTarget = target }
  }

  /// Selects the next replica of the search, other than the current target.
  public mutating func aimAtNext() {
    let position = progress.searched ?? replicas.firstIndex(of: target) ?? 0
    var next = (position + 1) % replicas.count
    if replicas[next] == target { next = (next + 1) % replicas.count }
    progress.searched = next
    aim(at: replicas[next])
  }
}
