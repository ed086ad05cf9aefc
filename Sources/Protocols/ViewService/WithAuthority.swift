import Replication
import WireFormat

/// The core of a cluster whose replicas follow the views of an outside authority. All its nodes run
/// this one type.
///
/// A node of `Membership.replicas` runs `Replica`. A node of `Membership.authority` runs
/// `Consensus` and applies its commits to a `ViewServiceStateMachine`. Replicas ping the
/// authority's leader and get the current view in return. Only the authority decides which replica
/// is in charge.
///
/// Follows the view service of primary-backup of Alsberg & Day 1976 and PacificA (Lin et al. 2008
/// §2), and the master of chain replication (van Renesse & Schneider 2004 §3): an authority detects
/// the replicas' failures, and is itself replicated by consensus so that it survives failures.
///
/// Leases. A replica whose ping was answered in view `v` may answer reads in `v` until a fraction
/// of the time that the answer grants has passed since it *sent* that ping. The authority's leader
/// answers only when its consensus core has made sure, by a quorum asked after the ping arrived,
/// that it still leads. To remove a replica that is alive, the leader first grants it no more
/// leases. It proposes the view without a replica only when the time that it last granted has
/// passed since it heard the ping, or since it became leader. While such a proposal is on its way
/// no ping is answered, so that no answer renews a lease that the proposal takes away. The
/// authority agrees on the length of leases, because a new leader has to wait for those of the old
/// one; the length grows with the time that answers take. The assumption is that the timers of two
/// nodes which count a lease differ by less than a fifth. Clocks may jump, because a lease also
/// ends after a number of timer ticks, and when the clock is seen to go back.
///
/// Restarts. A replica makes the number of a view durable before it adopts the view, and never
/// adopts the same number twice, because it may have forgotten what it said in that view before the
/// restart while others remember it. For the same reason it never adopts a view that names an
/// earlier incarnation of it. Its pings carry the new incarnation, and the authority issues a new
/// view.
///
/// - Deviation: the view service of primary-backup counts a restarted replica as dead. Here the
/// replica stays eligible, because its log is on its disk, but goes to the end of the order if
/// another one can lead.
public struct WithAuthority<Replica: ViewFollower, Consensus: ReplicaCore>: ReplicaCore {
  public enum Timer: TimerName {
    case replica(Replica.Timer)
    case consensus(Consensus.Timer)
    /// On a replica the time of the next ping, on an authority node the failure detector's tick.
    case tick

    public static var count: Int { Replica.Timer.count + Consensus.Timer.count + 1 }

    public var index: Int {
      switch self {
      case .replica(let timer): timer.index
      case .consensus(let timer): Replica.Timer.count + timer.index
      case .tick: Replica.Timer.count + Consensus.Timer.count
      }
    }

    public var waitsForOthers: Bool {
      switch self {
      case .replica(let timer): timer.waitsForOthers
      case .consensus(let timer): timer.waitsForOthers
      case .tick: false
      }
    }

    public init(index: Int) {
      let behind = index - Replica.Timer.count
      if behind < 0 {
        self = .replica(Replica.Timer(index: index))
      } else if behind < Consensus.Timer.count {
        self = .consensus(Consensus.Timer(index: behind))
      } else {
        self = .tick
      }
    }
  }

  let id: ReplicaID
  let membership: Membership
  let options: Options

  // Exactly one of these two is not `nil`.
  var replica: Replica?
  var consensus: Consensus?
  var replicaEffects = Effects<Replica>()
  var consensusEffects = Effects<Consensus>()

  /// On a replica: its knowledge of the authority, and its lease.
  var viewLease: ViewLease
  /// On an authority node: its state beside the consensus core.
  var authority: Authority

  public init(id: ReplicaID, membership: Membership, options: Options) {
    self.id = id
    self.membership = membership
    self.options = options
    viewLease = ViewLease(options: options)
    authority = Authority(id: id, membership: membership, options: options)
    if membership.authority.contains(id) {
      consensus = Consensus(
        id: id, membership: Membership(replicas: membership.authority), options: options.consensus)
    } else {
      replica = Replica(id: id, membership: membership, options: options.replica)
    }
  }

  public static var replacesLostReplicas: Bool { Consensus.replacesLostReplicas }

  /// A replica whose disk was lost comes as a new incarnation without data. The authority treats it
  /// as a replica that has just come.
  public mutating func takePlace(generation: UInt64) {
    consensus?.takePlace(generation: generation)
    guard replica != nil else { return }
    viewLease.incarnation = max(viewLease.incarnation, generation)
    // Bug: forgetful-member.
    viewLease.isBlank = !broken(.forgetfulMember)
  }

  /// An incarnation of a replica on a new disk is the generation of that disk.
  public static func largestGeneration(in message: Message) -> UInt64 {
    switch message.authority {
    case .consensus(let bytes)?:
      (try? WireReader.decode(Consensus.Message.self, from: bytes))
        .map(largestGeneration(inConsensus:)) ?? 0
    case .ping(let ping)?: ping.incarnation
    case .pong(let pong)?: max(pong.incarnation, pong.view.incarnations.max() ?? 0)
    case .view(let view)?, .adopting(let view)?: view.incarnations.max() ?? 0
    case .alive(let incarnation)?: incarnation
    case .redirect?, .snapshot?, nil: 0
    }
  }

  /// The same for a message of the consensus protocol: in the message itself, and in the views that
  /// its entries or its snapshot contain.
  private static func largestGeneration(inConsensus message: Consensus.Message) -> UInt64 {
    var largest = Consensus.largestGeneration(in: message)
    if case .page(let page)? = Consensus.snapshotMessage(in: message),
      let machine = try? ViewServiceStateMachine(restoring: page.bytes)
    {
      largest = max(largest, machine.view.incarnations.max() ?? 0)
    }
    for batch in Consensus.batches(in: message) {
      var reader = batch.makeReader()
      while reader.next() != nil {
        switch reader.command(as: ViewServiceStateMachine.Command.self) {
        case .propose(let view)?, .changeJoiner(let view)?:
          largest = max(largest, view.incarnations.max() ?? 0)
        case .markEstablished?, .setLease?, nil: break
        }
      }
    }
    return largest
  }

  public mutating func recover(_ record: Record) {
    switch record {
    case .replica(let record): replica?.recover(record)
    case .consensus(let record): consensus?.recover(record)
    case .filled: viewLease.isBlank = false
    case .incarnation(let number): viewLease.incarnation = max(viewLease.incarnation, number)
    case .adopting(let number):
      // Bug: adopt-again.
      guard !broken(.adoptAgain), number > viewLease.lastAdopted.number else { return }
      viewLease.lastAdopted = View(number: number, members: [])
      viewLease.lastRecorded = viewLease.lastAdopted
    case .snapshot(let reference): replica?.recover(reference)
    case .authority(let reference, let state): recoverAuthority(reference, state)
    }
  }

  // The event is consumed, so that its message is handed on to the replica without a copy.
  @inline(__always)
  public mutating func handle(
    _ event: consuming Event<Self>, at now: Instant, into effects: inout Effects<Self>
  ) {
    if consensus == nil {
      handleAsReplica(event, at: now, into: &effects)
    } else {
      handleAsAuthority(event, at: now, into: &effects)
    }
  }

  public mutating func endTurn(at now: Instant, into effects: inout Effects<Self>) {
    if consensus == nil { endReplicaTurn(at: now, into: &effects) }
  }

  public mutating func expectSilence(of id: ReplicaID, for pause: Interval, at now: Instant) {
    if replica == nil {
      authority.detector.expectSilence(of: id, for: pause)
    } else {
      replica?.expectSilence(of: id, for: pause, at: now)
    }
  }

  /// The core of a replica, and that of a node of the authority, in place: `if let` would copy all
  /// of it. Precondition: this node has that core.
  private var ownReplica: Replica { @inline(__always) _read { yield replica! } }
  private var ownConsensus: Consensus { @inline(__always) _read { yield consensus! } }

  /// Whether this rule is switched off, to show that the bench catches it.
  @inline(__always)
  func broken(_ bug: ViewServiceBug) -> Bool { bug.isSwitchedOn(by: options.bug) }

  @inline(__always)
  public var status: ReplicaStatus {
    if consensus == nil {
      var status = ownReplica.status
      status.isCoordinator = false
      return status
    }
    var status = ownConsensus.status
    status.role = status.isInCharge ? "authority leader" : "authority"
    status.isCoordinator = status.isInCharge
    status.isInCharge = false
    status.isTail = false
    return status
  }

  /// The view that this node works in; on an authority node, the last view that it saw agreed on.
  public var view: View { replica == nil ? authority.machine.view : viewLease.view }

  /// Whether the authority, as far as this node of it knows, has marked `view` established.
  public var isEstablished: Bool { authority.machine.isEstablished }

  /// The replicas that may be put in charge of the next view, as far as this node of the authority
  /// knows, because they hold everything that was acknowledged.
  public var eligible: [ReplicaID] { authority.machine.eligible }

  /// Whether this replica may answer reads now.
  public func holdsLease(at now: Instant) -> Bool { viewLease.holdsLease(at: now) }
}
