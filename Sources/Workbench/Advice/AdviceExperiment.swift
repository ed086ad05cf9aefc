import Configuration
import Experiments
import Linearizability
import ProtocolList
import Replication

/// One of the experiments on which advice rests.
package struct AdviceExperiment: Equatable {
  package enum Kind: String, CaseIterable {
    case base, crash
    case moreLoad = "more-load"
    case otherMix = "other-mix"
    case largerValues = "larger-values"

    /// Whether the experiment shows if a changed load would change the ranking.
    package var isVariation: Bool { self != .base && self != .crash }
  }

  package let request: AdviceRequest
  package let kind: Kind

  package init(_ request: AdviceRequest, _ kind: Kind) {
    self.request = request
    self.kind = kind
  }

  package static func all(_ request: AdviceRequest) -> [AdviceExperiment] {
    Kind.allCases.map { AdviceExperiment(request, $0) }
  }

  /// How the experiment differs from the request, for sentences.
  package var difference: String {
    switch kind {
    case .base: "as asked"
    case .crash: "the node in charge dies"
    case .moreLoad: "four times the load (\(ConfigValue.plain(rate))/s)"
    case .otherMix: "\(ConfigValue.plain((reads * 100).rounded())) % reads"
    case .largerValues: "values of \(Quantity.text(Int64(valueSize), units: Unit.sizes))"
    }
  }

  private var rate: Double { kind == .moreLoad ? request.rate * 4 : request.rate }

  private var reads: Double {
    kind == .otherMix ? (request.reads >= 0.5 ? 0.1 : 0.9) : request.reads
  }

  private var valueSize: Int {
    kind == .largerValues ? min(request.valueSize * 16, 1 << 20) : request.valueSize
  }

  /// A variation can show availability only if it includes a crash.
  private var hasCrash: Bool {
    kind == .crash || (kind.isVariation && request.preference == .availability)
  }

  // MARK: The experiment

  private var roundTripMs: Double { Double(request.roundTrip.nanoseconds) / 1e6 }

  /// The silence after which a node is given up, ms: enough for several round trips.
  private var timeoutMs: Int { max(200, Int((roundTripMs * 8).rounded(.up))) }

  private var warmUpMs: Int { max(1_000, timeoutMs * 3) }

  /// Enough time, ms, for the operations that the requested percentile needs, and in a crash for
  /// recovery.
  private var durationMs: Int {
    let operations =
      switch request.percentile {
      case ...50: 1_000.0
      case ...95: 4_000.0
      case ...99: 10_000.0
      default: 40_000.0
      }
    let needed = Int((operations / rate * 1_000).rounded(.up))
    let measured = min(max(needed, 2_000), 20_000)
    return warmUpMs + (hasCrash ? max(measured, 3_000 + timeoutMs * 10) : measured)
  }

  /// The value of an option that bounds the time until a peer gives a sign of life, or that says
  /// how often one is given.
  private func timer(_ option: OptionDeclaration, _ timeoutMs: Int) -> JSONValue.Member? {
    func ms(_ count: Int) -> JSONValue { .string("\(count)ms") }
    if let bound = option.bound {
      return .init(option.name, ms(max(timeoutMs / (bound.defaultDivisor + 1), 1)))
    }
    guard option.awaitsSignOfLife else { return nil }
    switch option.kind {
    case .intervalRange: return .init(option.name, .array([ms(timeoutMs), ms(timeoutMs * 2)]))
    case .interval: return .init(option.name, ms(timeoutMs))
    case .flag, .integer, .choice: return nil
    }
  }

  /// The experiment file, as a person could have written it.
  package var text: String {
    func ms(_ count: Int) -> JSONValue { .string("\(count)ms") }
    let timeout = timeoutMs
    let options = ProtocolKind.failingOver.map { kind in
      JSONValue.Member(kind.name, .object(kind.options.compactMap { timer($0, timeout) }))
    }
    let crash: JSONValue = .object([
      .init("at", ms(warmUpMs + 1_000)), .init("crash", .string("leader")),
      .init("for", ms(timeout * 5)),
    ])
    let limit = [request.readLatency, request.writeLatency].compactMap { $0 }.max() ?? .seconds(1)
    var members: [JSONValue.Member] = [
      .init("name", .string(kind.rawValue)),
      .init("description", .string("Advice, \(difference)")),
      .init("tolerates", .integer(Int128(request.failures))),
      .init("network", request.network), .init("options", .object(options)),
      .init(
        "workload",
        .object([
          .init("arrival", .object([.init("open", .string("\(ConfigValue.plain(rate))/s"))])),
          .init(
            "mix", .object([.init("get", .number(reads)), .init("put", .number(1 - reads))])),
          .init("valueSize", .string(Quantity.text(Int64(valueSize), units: Unit.sizes))),
          .init("timeout", ms(max(1_000, timeout * 10))),
        ])),
      .init("faults", .array(hasCrash ? [crash] : [])),
      .init("slo", .object([.init("latency", .interval(limit))])),
      .init("warmUp", ms(warmUpMs)), .init("duration", ms(durationMs)),
      .init("trials", .integer(Int128(request.trials))),
      .init("check", .string(request.consistency.rawValue)),
    ]
    if !request.placements.isEmpty {
      let values = request.placements.map { JSONValue.array($0.map { .string($0) }) }
      members.append(
        .init("sweep", .object([.init("network.places.replicas", .array(values))])))
    }
    return JSONValue.object(members).text() + "\n"
  }

  /// Checks the experiment like one that a person wrote; an error names the place in the file of
  /// the request.
  package func plan(file: String) throws(ExperimentError) -> ExperimentPlan {
    do throws(ExperimentError) {
      return try ExperimentPlan.read(text: text, file: file)
    } catch {
      var error = error
      let prefix = "network."
      if error.path.hasPrefix(prefix) { error.path = String(error.path.dropFirst(prefix.count)) }
      // The request has no sweep: the orders of places are one here.
      if let range = error.found.firstRange(of: " at the sweep's point network.places.replicas=") {
        error.found.removeSubrange(range.lowerBound...)
      }
      throw error
    }
  }
}
