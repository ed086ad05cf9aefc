import Primitives

/// The options of one protocol that a user may set in an experiment's `options`.
public protocol ProtocolOptions: Sendable {
  /// Every option with its type, default and range.
  static var declared: [OptionDeclaration] { get }
  /// Reads the values; an option that is absent has its declared default.
  init(_ values: OptionValues)
  /// Whether the core wants to be told of `Event.disconnected`. The default is `false`.
  var heedsDisconnects: Bool { get }
  /// When the host takes snapshots. The default is `.never`.
  var snapshots: SnapshotPolicy { get }
}

extension ProtocolOptions {
  public var heedsDisconnects: Bool { false }
  public var snapshots: SnapshotPolicy { .never }
}

/// An option of a protocol: its name, type, default, range and meaning.
public struct OptionDeclaration: Sendable {
  public enum Kind: Sendable, Equatable {
    case flag(default: Bool)
    case integer(default: Int, range: ClosedRange<Int>)
    /// A time that the protocol waits. Tests with short trials shorten all such times by the same
    /// factor.
    case interval(default: Interval, range: ClosedRange<Interval>)
    /// A time that the protocol waits, drawn between two durations, the shorter first.
    case intervalRange(default: ClosedRange<Interval>, range: ClosedRange<Interval>)
    case choice(default: String, of: [String])
  }

  /// An upper bound on a time, given as a part of another option's time. Without it the protocol
  /// cannot work: a heartbeat that comes after the election timeout keeps no leader in office.
  public struct Bound: Sendable, Equatable {
    /// The option with the other time. If that time is drawn from a range, the shortest counts.
    public let option: String
    /// A time longer than the other time divided by this is refused.
    public let divisor: Int
    /// The default is at most the other time divided by this.
    public let defaultDivisor: Int

    public init(of option: String, dividedBy divisor: Int, byDefault defaultDivisor: Int) {
      self.option = option
      self.divisor = divisor
      self.defaultDivisor = defaultDivisor
    }
  }

  public let name: String
  public let kind: Kind
  /// One sentence for `rsmbench list options`.
  public let meaning: String
  /// Whether a peer has to give a sign of life within this time. It should be longer than two round
  /// trips, because otherwise messages that are still on their way count as silence.
  public let awaitsSignOfLife: Bool
  public let bound: Bound?

  public init(
    _ name: String, _ kind: Kind, _ meaning: String, awaitsSignOfLife: Bool = false,
    atMost bound: Bound? = nil
  ) {
    self.name = name
    self.kind = kind
    self.meaning = meaning
    self.awaitsSignOfLife = awaitsSignOfLife
    self.bound = bound
  }
}

public enum OptionValue: Sendable, Equatable {
  case flag(Bool)
  case integer(Int)
  case interval(Interval)
  case intervalRange(ClosedRange<Interval>)
  case choice(String)
}

extension OptionValue {
  /// The time, or the lower end of its range; `nil` for an option that is not a time.
  public var shortest: Interval? {
    switch self {
    case .interval(let value): value
    case .intervalRange(let range): range.lowerBound
    case .flag, .integer, .choice: nil
    }
  }
}

extension OptionDeclaration {
  public var defaultValue: OptionValue {
    switch kind {
    case .flag(let value): .flag(value)
    case .integer(let value, _): .integer(value)
    case .interval(let value, _): .interval(value)
    case .intervalRange(let value, _): .intervalRange(value)
    case .choice(let value, _): .choice(value)
    }
  }
}

/// The values of all declared options, by name.
public struct OptionValues: Sendable, Equatable {
  private var values: [String: OptionValue] = [:]

  /// All defaults, with `overrides` in their place. The caller has checked names, types and ranges.
  public init(_ declared: [OptionDeclaration], overrides: [String: OptionValue] = [:]) {
    for declaration in declared {
      values[declaration.name] = overrides[declaration.name] ?? declaration.defaultValue
    }
    for declaration in declared where overrides[declaration.name] == nil {
      if let bound = declaration.bound, let longest = values[bound.option]?.shortest,
        case .interval(let value)? = values[declaration.name]
      {
        values[declaration.name] = .interval(min(value, longest / bound.defaultDivisor))
      }
    }
  }

  /// The longest value that this option may have, given the values of the others; `nil` if the
  /// option has no bound.
  public func longest(of declaration: OptionDeclaration) -> Interval? {
    guard let bound = declaration.bound, let other = values[bound.option]?.shortest else {
      return nil
    }
    return other / bound.divisor
  }

  public subscript(name: String) -> OptionValue? { values[name] }

  public func flag(_ name: String) -> Bool {
    guard case .flag(let value)? = values[name] else { preconditionFailure(undeclared(name)) }
    return value
  }

  public func integer(_ name: String) -> Int {
    guard case .integer(let value)? = values[name] else { preconditionFailure(undeclared(name)) }
    return value
  }

  public func interval(_ name: String) -> Interval {
    guard case .interval(let value)? = values[name] else { preconditionFailure(undeclared(name)) }
    return value
  }

  public func intervalRange(_ name: String) -> ClosedRange<Interval> {
    guard case .intervalRange(let value)? = values[name] else {
      preconditionFailure(undeclared(name))
    }
    return value
  }

  public func choice(_ name: String) -> String {
    guard case .choice(let value)? = values[name] else { preconditionFailure(undeclared(name)) }
    return value
  }

  private func undeclared(_ name: String) -> String {
    "option \(name) was read with another type than it is declared with, or is not declared"
  }
}

extension ProtocolOptions {
  /// All defaults.
  public init() { self.init(OptionValues(Self.declared)) }
}

/// The facts about a protocol that `rsmbench list protocols` prints. Its name is not among them,
/// because only `ProtocolKind` names protocols.
public struct ProtocolDescription: Sendable {
  /// One sentence.
  public let summary: String
  /// The paper that it follows, by author, year and section.
  public let source: String
  /// The protocol needs this times `f`, plus one, replicas to survive `f` failures. 0 stands for a
  /// baseline, which has one replica and survives no failure.
  public let replicasPerFailure: Int
  /// Whether the service goes on without the replica in charge. Otherwise other replicas keep the
  /// data, but the service waits for that one's return.
  public let failsOver: Bool
  /// Whether it needs an authority, which are further nodes that decide which replica is in charge.
  public let needsAuthority: Bool
  /// One sentence: the assumptions on which its safety rests, besides the crash-stop model that all
  /// protocols share.
  public let assumption: String
  /// Known mistakes that the option `unsafeBug` switches on, each with its effect.
  public let bugs: [(name: String, meaning: String)]

  public init(
    summary: String, source: String, replicasPerFailure: Int, failsOver: Bool = true,
    needsAuthority: Bool = false, assumption: String, bugs: [(name: String, meaning: String)]
  ) {
    self.summary = summary
    self.source = source
    self.replicasPerFailure = replicasPerFailure
    self.failsOver = failsOver && replicasPerFailure > 0
    self.needsAuthority = needsAuthority
    self.assumption = assumption
    self.bugs = bugs
  }
}

/// The classic mistakes of one protocol, as the values of its option `unsafeBug`.
public protocol SwitchableBug: RawRepresentable, CaseIterable, Sendable, Equatable
where RawValue == String {
  var meaning: String { get }
  /// Those around snapshots that the protocol has as well: all, unless a protocol says otherwise.
  static var snapshotBugs: [SnapshotBug] { get }
}

extension SwitchableBug {
  public static var snapshotBugs: [SnapshotBug] { SnapshotBug.allCases }

  /// The declaration of `unsafeBug`. Its values are `none`, the bugs of this type, and those of
  /// `SnapshotBug`.
  public static var option: OptionDeclaration {
    option(with: allCases.map(\.rawValue) + snapshotBugs.map(\.rawValue))
  }

  static func option(with names: [String]) -> OptionDeclaration {
    OptionDeclaration(
      "unsafeBug", .choice(default: "none", of: ["none"] + names),
      "Switches one known mistake on, to show that the bench catches it")
  }

  public static var list: [(name: String, meaning: String)] {
    allCases.map { ($0.rawValue, $0.meaning) }
  }

  /// The list with those around snapshots.
  public static var listWithSnapshots: [(name: String, meaning: String)] {
    list + snapshotBugs.map { ($0.rawValue, $0.meaning) }
  }

  /// Whether the options name this bug. The code of a bug is laid out apart from the protocol's own
  /// (`rarely`).
  @inline(__always)
  public func isSwitchedOn(by chosen: Self?) -> Bool { rarely(chosen == self) }

  /// The bug of this type that the options name, or `nil` for any other value.
  public static func chosen(in values: OptionValues) -> Self? {
    Self(rawValue: values.choice("unsafeBug"))
  }
}
