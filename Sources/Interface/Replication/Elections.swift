// Elections of Raft, Multi-Paxos and Viewstamped Replication. Their safety does not rest on time,
// so a follower may act on a closed connection. What they share is here, so that all elect alike.

/// The most rounds that may wait for one replica's answer before a leader sends it no more messages
/// for a round alone. In a round a leader asks whether it still leads. Without this limit a replica
/// that is cut off would be sent one message for each read, and all of them would reach it together
/// when the link is back.
public let mostUnansweredRounds: UInt64 = 4

extension ProtocolDescription {
  /// The assumption of a protocol in which time has a say only in elections.
  public static var noClocks: String {
    "Safe whatever clocks and delays do: timers decide only when another replica wants to lead"
  }
}

extension OptionDeclaration.Bound {
  /// The bound on the time between two heartbeats. By default a follower hears three heartbeats
  /// within the shortest election timeout.
  public static var heartbeat: OptionDeclaration.Bound {
    OptionDeclaration.Bound(of: "electionTimeout", dividedBy: 1, byDefault: 3)
  }
}

extension OptionDeclaration {
  public static var electOnDisconnect: OptionDeclaration {
    OptionDeclaration(
      "electOnDisconnect", .flag(default: false),
      "A follower whose leader's process has ended, as the closed connection says, does not wait "
        + "for the election timeout")
  }
}

extension ReplicaID {
  /// How long this replica waits before it stands for election after a leader's process has ended.
  /// The replicas stand one after the other, in the order of the membership, so that two do not
  /// split the votes. The first one waits a tenth of a heartbeat until the others have noticed.
  public func turn(after gone: ReplicaID, of membership: Membership, heartbeat: Interval)
    -> Interval
  {
    let others = membership.replicas.filter { $0 != gone }
    return heartbeat / 10 + heartbeat * (others.firstIndex(of: self) ?? 0)
  }
}

/// The largest step from one term, ballot or view to a later one that a replica believes. A real
/// cluster never gets so far ahead of a replica, because elections take milliseconds. A message
/// that claims a larger step would use up the numbers.
public let longestEpochJump: UInt64 = 1 << 32

extension ClosedRange<Interval> {
  /// How long a follower waits before it looks again whether its leader is silent; `nil` if it has
  /// waited long enough. The range is that of its timeout.
  ///
  /// The timer is not set at every message of the leader. It fires now and then, and the follower
  /// looks when the leader was last heard. The timeout is drawn only when the leader has been
  /// silent for half the shortest timeout. A timer that was drawn before the last message fires at
  /// any moment after that, so it would cut short every timeout that it falls into, and followers
  /// would stand for election earlier than those that draw at every message, as Raft's do.
  public func rest(after silence: Interval) -> ClosedRange<Interval>? {
    let half = lowerBound / 2
    if silence < half { return half...half }
    if silence < lowerBound { return (lowerBound - silence)...(upperBound - silence) }
    return nil
  }
}
