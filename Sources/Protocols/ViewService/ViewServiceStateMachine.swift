import Replication
import WireFormat

/// The state that the authority agrees on: the current view, the replicas that may be put in charge
/// of the next one, and the length of leases.
///
/// Commands are conditional transitions: each names the state it starts from and changes nothing in
/// any other state. A command that was proposed twice, or by an authority leader that has been
/// replaced, is therefore harmless. The rules that protect data are checked here and not by the
/// leader that proposes, so that no leader can break them.
public struct ViewServiceStateMachine: StateMachine {
  public enum Command: Equatable, Sendable {
    /// Replaces view `number - 1` by this one.
    case propose(View)
    /// Changes the joiner of the current view, after change `joining - 1`.
    case changeJoiner(View)
    /// Notes that every member of the view holds everything that was or may have been acknowledged.
    case markEstablished(UInt64)
    /// Sets how long a granted lease is, and how long the authority waits until leases are over.
    case setLease(granted: Interval, patience: Interval)
  }

  /// Whether the command had an effect.
  public struct Response: Equatable, Sendable {
    public var isAccepted: Bool
  }

  public private(set) var view = View.none
  public private(set) var isEstablished = false
  /// The replicas that are known to hold everything that was acknowledged. It is never empty once a
  /// view exists.
  public private(set) var eligible: [ReplicaID] = []
  /// How long a granted lease is, and how long the authority waits until a lease is over. The
  /// option `failureTimeout` counts instead where it is longer.
  public private(set) var granted = Interval.zero
  public private(set) var patience = Interval.zero
  /// A mistake to make, for the tests that show which rule prevents it.
  var bug: ViewServiceBug?

  public init() {}

  public static func isReadOnly(_ command: Command) -> Bool { false }

  public mutating func apply(_ command: Command) -> Response {
    switch command {
    case .propose(let next):
      guard mayFollow(next) else { return Response(isAccepted: false) }
      if view.number == 0 {
        // No update exists yet, so every member holds all of them.
        eligible = next.members
      } else {
        eligible = eligible.filter { next.members.contains($0) }
      }
      assert(next.number == view.number + 1, "views are numbered without gaps")
      view = next
      isEstablished = false
      assert(!eligible.isEmpty, "a view has a member that holds the data")
      // Bug: promote-unestablished.
      if bug == .promoteUnestablished { eligible = next.members }
    case .markEstablished(let number):
      guard number == view.number, number > 0, !isEstablished else {
        return Response(isAccepted: false)
      }
      isEstablished = true
      eligible = view.members
    case .changeJoiner(let next):
      let joined = next.joiner.flatMap { next.incarnation(of: $0) } ?? 0
      guard view.number > 0, next.joiner.map({ !view.members.contains($0) }) ?? true,
        next == view.changingJoiner(to: next.joiner, incarnation: joined),
        hasPossibleIncarnations(next)
      else { return Response(isAccepted: false) }
      view = next
    case .setLease(let granted, let patience):
      // The authority still has to wait until leases that were granted before are over.
      guard patience >= granted, patience >= self.granted else {
        return Response(isAccepted: false)
      }
      self.granted = granted
      self.patience = patience
    }
    return Response(isAccepted: true)
  }

  public func query(_ command: Command) -> Response { Response(isAccepted: false) }

  /// Whether `next` may replace the current view.
  func mayFollow(_ next: View) -> Bool {
    guard next.number == view.number + 1, next.joining == 0, let first = next.members.first,
      !next.members.hasDuplicates, next.isWellFormed, hasPossibleIncarnations(next)
    else { return false }
    if let joiner = next.joiner, next.members.contains(joiner) { return false }
    if view.number == 0 { return next.joiner == nil }
    guard eligible.contains(first) else { return false }
    // Only the joiner of an established view may become a member.
    return next.members.allSatisfy {
      view.members.contains($0) || isEstablished && view.joiner == $0
    }
  }

  /// Whether the replicas can have the incarnations that `next` names. One that names a larger
  /// incarnation than a replica ever reaches would keep this replica out of all views.
  private func hasPossibleIncarnations(_ next: View) -> Bool {
    (next.members + (next.joiner.map { [$0] } ?? [])).allSatisfy {
      isPossibleGeneration(
        next.incarnation(of: $0) ?? 0, after: view.incarnation(of: $0) ?? 0)
    }
  }

  /// Whether this state, which another node of the authority has sent, can follow `earlier`.
  func isPossible(after earlier: ViewServiceStateMachine) -> Bool {
    let joining = view.number == earlier.view.number ? earlier.view.joining : 0
    return view.number <= earlier.view.number + longestEpochJump
      && view.joining <= joining + longestEpochJump && earlier.hasPossibleIncarnations(view)
  }
}

extension [ReplicaID] {
  fileprivate var hasDuplicates: Bool {
    for (position, id) in enumerated() where self[..<position].contains(id) { return true }
    return false
  }
}

extension ViewServiceStateMachine {
  public func snapshot() -> [UInt8] {
    var writer = WireWriter()
    view.encode(into: &writer)
    writer.write(isEstablished)
    eligible.encode(into: &writer)
    writer.write(UInt64(granted.nanoseconds))
    writer.write(UInt64(patience.nanoseconds))
    return writer.bytes()
  }

  public init(restoring snapshot: [UInt8]) throws(WireError) {
    var reader = WireReader(snapshot)
    view = try View(from: &reader)
    isEstablished = try reader.readFlag()
    eligible = try [ReplicaID](from: &reader)
    granted = try reader.readInterval()
    patience = try reader.readInterval()
  }
}

extension WireReader {
  mutating func readInterval() throws(WireError) -> Interval {
    let nanoseconds = try read(UInt64.self)
    guard nanoseconds <= UInt64(Interval.longestTold.nanoseconds) else {
      throw .malformed("no lease or answer takes as long as that")
    }
    return .nanoseconds(Int64(nanoseconds))
  }
}

extension Interval {
  /// A bound above every lease and every useful answer time. It keeps sums and products of received
  /// values from overflowing.
  static var longestTold: Interval { .seconds(3600) }
}

extension View: WireCodable {
  public var encodedByteCount: Int {
    16 + members.encodedByteCount + joiner.encodedByteCount + 8 * incarnations.count
  }

  public func encode(into writer: inout WireWriter) {
    writer.write(number)
    members.encode(into: &writer)
    joiner.encode(into: &writer)
    writer.write(joining)
    for incarnation in incarnations { writer.write(incarnation) }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    number = try reader.read(UInt64.self)
    members = try [ReplicaID](from: &reader)
    joiner = try ReplicaID?(from: &reader)
    joining = try reader.read(UInt64.self)
    incarnations = []
    for _ in 0..<members.count + (joiner == nil ? 0 : 1) {
      incarnations.append(try reader.read(UInt64.self))
    }
  }
}

extension ViewServiceStateMachine.Command: WireCodable {
  public var encodedByteCount: Int {
    switch self {
    case .propose(let view), .changeJoiner(let view): 1 + view.encodedByteCount
    case .markEstablished: 1 + 8
    case .setLease: 1 + 16
    }
  }

  public func encode(into writer: inout WireWriter) {
    switch self {
    case .propose(let view):
      writer.write(UInt8(0))
      view.encode(into: &writer)
    case .markEstablished(let number):
      writer.write(UInt8(1))
      writer.write(number)
    case .changeJoiner(let view):
      writer.write(UInt8(2))
      view.encode(into: &writer)
    case .setLease(let granted, let patience):
      writer.write(UInt8(3))
      writer.write(UInt64(granted.nanoseconds))
      writer.write(UInt64(patience.nanoseconds))
    }
  }

  public init(from reader: inout WireReader) throws(WireError) {
    switch try reader.read(UInt8.self) {
    case 0: self = .propose(try View(from: &reader))
    case 1: self = .markEstablished(try reader.read(UInt64.self))
    case 2: self = .changeJoiner(try View(from: &reader))
    case 3:
      self = .setLease(
        granted: try reader.readInterval(), patience: try reader.readInterval())
    case let other: throw .malformed("\(other) is no command of the view service")
    }
  }
}

extension ViewServiceStateMachine.Response: WireCodable {
  public var encodedByteCount: Int { 1 }
  public func encode(into writer: inout WireWriter) { writer.write(isAccepted) }
  public init(from reader: inout WireReader) throws(WireError) {
    isAccepted = try reader.readFlag()
  }
}
