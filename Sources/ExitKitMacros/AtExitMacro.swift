// SPDX-License-Identifier: Apache-2.0

#if AtExitMacro
  import SwiftSyntax
  import SwiftSyntaxBuilder
  import SwiftSyntaxMacros

  /// `@AtExit`: next to the function, a constant in the section whose functions the loader calls before `main`.
  ///
  /// A synchronous function is passed by reference: the reference's type has the isolation, also where only the module
  /// or the surrounding type states the isolation. A function with default values or a result must be called: the macro
  /// adds a second function beside the first, with the same isolation, and the second calls the first. An asynchronous
  /// function needs none of this, since each `await` switches to the right actor.
  public struct AtExitMacro: PeerMacro {
    /// The constant and its helper function; or the reasons why the function cannot be registered.
    public static func expansion(
      of attribute: AttributeSyntax, providingPeersOf declaration: some DeclSyntaxProtocol,
      in context: some MacroExpansionContext
    ) throws -> [DeclSyntax] {
      let surroundings = context.lexicalContext
      let function = declaration.as(FunctionDeclSyntax.self)
      let refusals = function?.refusals(attribute, in: surroundings) ?? [declaration.refusalAsNoFunction(attribute)]
      refusals.forEach { context.diagnose($0.diagnostic) }
      guard let function, refusals.isEmpty else { return [] }

      let scope = surroundings.isEmpty ? "" : "static "
      let place = context.location(of: attribute, at: .afterLeadingTrivia, filePathMode: .fileID)
      let type =
        "(\(function.takesContext ? "ExitKit.ExitContext" : "")) \(function.isAsync ? "async " : "")throws -> Void"
      var body = function.name.text
      var peers: [DeclSyntax] = []
      if function.isAsync {
        body = "{ \(function.takesContext ? "exit in " : "")\(function.call) }"
      } else if function.needsCall {
        body = context.uniqueName("call", place).text
        peers.append(
          """
          \(raw: function.isolation)private \(raw: scope)func \(raw: body)\
          (\(raw: function.takesContext ? "_ exit: ExitKit.ExitContext" : ""))\(raw: function.canThrow ? " throws" : "") {
            \(raw: function.call)
          }
          """)
      }
      peers.append(
        """
        @used @section(".init_array") nonisolated private \(raw: scope)let \
        \(context.uniqueName("register", place)): @convention(c) @Sendable () -> Void = {
          let body: @Sendable @isolated(any) \(raw: type) = \(raw: body)
          ExitKit.atExit(\(arguments(attribute, of: function, surroundings, place)), body)
        }
        """)
      return peers
    }

    /// The attribute's arguments, with the name and the place added where the attribute has neither.
    private static func arguments(
      _ attribute: AttributeSyntax, of function: FunctionDeclSyntax, _ surroundings: [Syntax],
      _ place: AbstractSourceLocation?
    ) -> LabeledExprListSyntax {
      var arguments: [LabeledExprSyntax] = []
      if case .argumentList(let given) = attribute.arguments { arguments = given.map(\.trimmed) }
      if !arguments.contains(where: { $0.label?.text == "name" }) {
        let name = (surroundings.reversed().compactMap(\.nameOfType) + [function.name.bare]).joined(separator: ".")
        arguments.insert(
          LabeledExprSyntax(label: "name", expression: StringLiteralExprSyntax(content: name)), at: 0)
      }
      if let place {
        arguments.append(LabeledExprSyntax(label: "file", expression: place.file))
        arguments.append(LabeledExprSyntax(label: "line", expression: place.line))
      }
      return LabeledExprListSyntax(
        arguments.enumerated().map { index, argument in
          argument.with(\.trailingComma, index < arguments.count - 1 ? .commaToken(trailingTrivia: .space) : nil)
        })
    }
  }

  extension FunctionDeclSyntax {
    var parameters: FunctionParameterListSyntax { signature.parameterClause.parameters }

    /// Whether the function's only parameter is the `ExitContext` of the exit.
    var takesContext: Bool {
      guard parameters.count == 1, let parameter = parameters.first, parameter.defaultValue == nil else { return false }
      return ["ExitContext", "ExitKit.ExitContext"].contains(parameter.type.trimmedDescription)
    }

    fileprivate var isAsync: Bool { signature.effectSpecifiers?.asyncSpecifier != nil }
    fileprivate var canThrow: Bool { signature.effectSpecifiers?.throwsClause != nil }
    fileprivate var needsCall: Bool { hasResult || !(parameters.isEmpty || takesContext) }

    private var hasResult: Bool {
      guard let result = signature.returnClause?.type.trimmedDescription else { return false }
      return !["Void", "()", "Swift.Void"].contains(result)
    }

    fileprivate var call: String {
      let label = parameters.first?.firstName.text ?? "_"
      let argument = takesContext ? (label == "_" ? "exit" : "\(label): exit") : ""
      return "\(hasResult ? "_ = " : "")\(canThrow ? "try " : "")\(isAsync ? "await " : "")\(name.text)(\(argument))"
    }

    /// The isolation that the function's own attributes state; syntax knows a global actor by its name only.
    fileprivate var isolation: String {
      let actors = attributes.map(\.trimmedDescription).filter { $0.hasSuffix("Actor") }
      let modifiers = modifiers.filter { $0.name.tokenKind == .keyword(.nonisolated) }.map(\.trimmedDescription)
      return (actors + modifiers).map { $0 + " " }.joined()
    }
  }

  extension MacroExpansionContext {
    /// Swift 6.3 makes the same "unique" name for each overload of a function, so the place becomes part of the name.
    fileprivate func uniqueName(_ name: String, _ place: AbstractSourceLocation?) -> TokenSyntax {
      makeUniqueName(place.map { "\(name)_\($0.line)_\($0.column)" } ?? name)
    }
  }

  extension TokenSyntax {
    /// The name without backticks.
    fileprivate var bare: String { text.filter { $0 != "`" } }
  }

  extension Syntax {
    fileprivate var nameOfType: String? {
      if let type = asProtocol(NamedDeclSyntax.self) { return type.name.bare }
      return self.as(ExtensionDeclSyntax.self)?.extendedType.trimmedDescription
    }
  }
#endif
