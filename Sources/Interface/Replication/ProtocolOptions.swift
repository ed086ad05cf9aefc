/// What a user may set for one protocol in an experiment's `options`.
public protocol ProtocolOptions: Sendable {
  /// Every option with its type, default and range.
  static var declared: [OptionDeclaration] { get }
  /// Reads the values; an option that is absent has its declared default.
  init(_ values: OptionValues)
  /// Whether the core wants to be told of `Event.disconnected`. False unless a protocol says
  /// otherwise.
  var heedsDisconnects: Bool { get }
  /// When the host takes snapshots. Never, for options that do not declare it.
  var snapshots: SnapshotPolicy { get }
}

extension ProtocolOptions {
  public var heedsDisconnects: Bool { false }
  public var snapshots: SnapshotPolicy { .never }
}

public struct OptionDeclaration: Sendable {
  public enum Kind: Sendable, Equatable {
    case flag(default: Bool)
    case integer(default: Int, range: ClosedRange<Int>)
    /// A time that the protocol waits. Tests with short trials make all of them shorter alike.
    case interval(default: Interval, range: ClosedRange<Interval>)
    /// The same, drawn between two durations, the shorter first.
    case intervalRange(default: ClosedRange<Interval>, range: ClosedRange<Interval>)
    case choice(default: String, of: [String])
  }

  /// That a time has to be short beside another one, because the protocol cannot work otherwise: a
  /// heartbeat that comes after the election timeout keeps no leader in office.
  public struct Bound: Sendable, Equatable {
    /// The other time; if it is drawn from a range, the shortest counts.
    public let option: String
    /// More than this part of it is refused.
    public let divisor: Int
    /// Where nothing is said, the time is at most this part of it.
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
  /// Whether this is a time in which a peer has to give a sign of life. Two round trips should fit
  /// in, or messages that are merely on their way count as silence.
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
  /// Of a time.
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

/// Values by option name, complete: every declared option is present.
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

  /// The longest value that this option may have beside the others; `nil` for no such limit.
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

/// What `rsmbench list protocols` says of a protocol. Its name stands in the list of protocols
/// alone.
public struct ProtocolDescription: Sendable {
  /// One sentence.
  public let summary: String
  /// What it follows, by author, year and section.
  public let source: String
  /// Surviving `f` failures takes this times `f` and one more replicas; 0 for a baseline, which
  /// survives none.
  public let replicasPerFailure: Int
  /// Whether it needs an authority of nodes beside its replicas that decides who is in charge.
  public let needsAuthority: Bool
  /// One sentence: on which assumptions its safety rests, beside the crash-stop model that all
  /// share.
  public let assumption: String
  /// Known mistakes that can be switched on with the option `unsafeBug`, with what each one does.
  public let bugs: [(name: String, meaning: String)]

  public init(
    summary: String, source: String, replicasPerFailure: Int,
    needsAuthority: Bool = false, assumption: String, bugs: [(name: String, meaning: String)]
  ) {
    self.summary = summary
    self.source = source
    self.replicasPerFailure = replicasPerFailure
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

  /// The declaration of `unsafeBug`: `none`, or one of the bugs, or of those around snapshots.
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

  /// The bug that the options name, or `nil` for `none`.
  public static func chosen(in values: OptionValues) -> Self? {
    Self(rawValue: values.choice("unsafeBug"))
  }
}
