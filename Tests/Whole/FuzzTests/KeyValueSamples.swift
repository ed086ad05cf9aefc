import StateMachines

/// Every command of the key-value store, and every answer.
enum KeyValueSamples {
  private static let short = Key("user42")
  private static let long = Key("a key of more than fifteen bytes")
  private static let value = Array("some value".utf8)

  private static let single: [KeyValueCommand] = [
    .get(short), .get(long), .put(short, value: value), .put(long, value: []), .delete(short),
    .append(long, value: value), .compareAndSwap(short, expected: nil, value: value),
    .compareAndSwap(short, expected: value, value: []), .exists(long), .length(short),
    .increment(short, by: -7), .putIfAbsent(short, value: value),
    .putIfPresent(long, value: value), .put(short, value: [UInt8](repeating: 0x61, count: 256)),
    .range(long, first: -5, last: 3), .addDecimal(short, .zero), .count, .clear,
    .scan(from: 3, count: 10, pattern: Array("u*".utf8)),
    .require(short, value: nil, orSkip: 2), .require(long, value: value, orSkip: .max),
  ]

  static let commands: [KeyValueCommand] =
    single + [.sequence(KeyValueSequence(single)), .sequence([])]
    + [.transaction(KeyValueSequence(single))]
    + [.consecutive(names: Array("key".utf8), first: 7, count: 100)]

  static let responses: [KeyValueResponse] = {
    let answers: [KeyValueResponse] =
      [.value(nil), .value(value), .done, .swapped, .notSwapped(found: nil)]
      + [.notSwapped(found: value), .number(.min), .skipped]
      + [.page(next: 7, keys: [Array("user42".utf8), []]), .page(next: 0, keys: [])]
      + KeyValueResponse.Refusal.allCases.map { .refused($0) }
    // The last one answers a scan of consecutive keys, of which some are missing.
    return answers + [.sequence(answers)]
      + [.sequence((0..<100).map { .value($0 % 3 == 0 ? nil : value) })]
  }()
}
