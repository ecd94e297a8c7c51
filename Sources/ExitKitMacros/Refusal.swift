// SPDX-License-Identifier: Apache-2.0

#if AtExitMacro
  import SwiftDiagnostics
  import SwiftSyntax
  import SwiftSyntaxMacros

  /// A reason why `@AtExit` cannot register a declaration, and a fix-it for the source.
  struct Refusal {
    let node: Syntax
    let reason: String
    let help: String
    let old: Syntax
    let new: Syntax

    init(
      _ node: some SyntaxProtocol, _ reason: String, help: String, replace old: some SyntaxProtocol, by new: Syntax
    ) {
      self.node = Syntax(node)
      self.reason = reason
      self.help = help
      self.old = Syntax(old)
      self.new = new
    }

    /// A refusal whose fix-it removes the attribute.
    init(_ attribute: AttributeSyntax, _ reason: String, help: String = "remove '@AtExit'") {
      let nothing = TokenSyntax(.identifier(""), leadingTrivia: attribute.leadingTrivia, presence: .present)
      self.init(attribute, reason, help: help, replace: attribute, by: Syntax(nothing))
    }

    var diagnostic: Diagnostic {
      let fixIt = FixIt(message: MacroExpansionFixItMessage(help), changes: [.replace(oldNode: old, newNode: new)])
      return Diagnostic(node: node, message: MacroExpansionErrorMessage(reason), fixIt: fixIt)
    }
  }

  // MARK: - Functions

  extension FunctionDeclSyntax {
    /// All reasons why the function cannot be registered; `surroundings` are the enclosing declarations, innermost
    /// first.
    func refusals(_ attribute: AttributeSyntax, in surroundings: [Syntax]) -> [Refusal] {
      [refusalOfPlace(attribute, surroundings), refusalOfGeneric(attribute)].compactMap { $0 } + refusalsOfParameters
    }

    private func refusalOfPlace(_ attribute: AttributeSyntax, _ surroundings: [Syntax]) -> Refusal? {
      guard let innermost = surroundings.first else { return nil }
      if innermost.asProtocol(DeclGroupSyntax.self) == nil {
        return Refusal(
          attribute, "@AtExit registers before the program starts, and a local function does not exist then",
          help: "remove '@AtExit', and call 'atExit(\(name.text))' where it is known")
      }
      if innermost.is(ProtocolDeclSyntax.self) {
        return Refusal(attribute, "@AtExit needs a function with a body, and a protocol only asks for one")
      }
      if surroundings.contains(where: \.isGeneric) {
        return Refusal(
          attribute, "@AtExit cannot register a function of a generic type: nothing says for which arguments")
      }
      if modifiers.contains(where: { [.keyword(.static), .keyword(.class)].contains($0.name.tokenKind) }) {
        return nil
      }
      let ofInstances: [TokenKind] = [
        .keyword(.mutating), .keyword(.nonmutating), .keyword(.consuming), .keyword(.borrowing),
      ]
      let old = modifiers.first { ofInstances.contains($0.name.tokenKind) }?.name ?? funcKeyword
      let new = old.with(\.tokenKind, old == funcKeyword ? .identifier("static func") : .keyword(.static))
      return Refusal(
        name, "@AtExit cannot register an instance method: there is no instance before the program starts",
        help: "make '\(name.text)' static", replace: old, by: Syntax(new))
    }

    private func refusalOfGeneric(_ attribute: AttributeSyntax) -> Refusal? {
      guard genericParameterClause != nil else { return nil }
      return Refusal(
        attribute, "@AtExit cannot register a generic function: nothing says for which arguments")
    }

    private var refusalsOfParameters: [Refusal] {
      if takesContext { return [] }
      // An array keeps the place of each element in the file; a filtered syntax list loses the places.
      return Array(parameters).filter { $0.defaultValue == nil && $0.ellipsis == nil }.map { parameter in
        let name = (parameter.secondName ?? parameter.firstName).text
        let value = parameter.type.is(OptionalTypeSyntax.self) ? "nil" : "<#default value#>"
        let initializer = InitializerClauseSyntax(
          equal: .equalToken(leadingTrivia: .space, trailingTrivia: .space),
          value: DeclReferenceExprSyntax(baseName: .identifier(value)))
        let fixed = parameter.with(\.type, parameter.type.trimmed).with(\.defaultValue, initializer)
        return Refusal(
          parameter, "@AtExit calls the function without arguments, and '\(name)' needs one",
          help: "give '\(name)' a default value", replace: parameter, by: Syntax(fixed))
      }
    }
  }

  extension Syntax {
    /// Whether syntax shows a generic type, which syntax cannot show for an extension.
    fileprivate var isGeneric: Bool {
      if let declaration = asProtocol(WithGenericParametersSyntax.self) {
        return declaration.genericParameterClause != nil
      }
      guard let type = self.as(ExtensionDeclSyntax.self) else { return false }
      return type.genericWhereClause != nil || type.extendedType.description.contains("<")
    }
  }

  // MARK: - Declarations that are no function

  extension DeclSyntaxProtocol {
    func refusalAsNoFunction(_ attribute: AttributeSyntax) -> Refusal {
      if let closure = self.as(VariableDeclSyntax.self)?.closureAsFunction {
        return Refusal(
          attribute, "@AtExit registers functions, and this is a closure in a variable", help: "make it a function",
          replace: self, by: closure)
      }
      let kind =
        switch kind {
        case .variableDecl: "a variable"
        case .initializerDecl: "an initializer"
        case .deinitializerDecl: "a deinitializer: see 'finalize' for clean-up of an object that is alive at exit"
        case .subscriptDecl: "a subscript"
        default: "none"
        }
      return Refusal(attribute, "@AtExit registers functions, and this is \(kind)")
    }
  }

  extension VariableDeclSyntax {
    /// Rewrites `let done = { … }` as `func done() { … }`.
    fileprivate var closureAsFunction: Syntax? {
      guard bindings.count == 1, let binding = bindings.first, binding.typeAnnotation == nil,
        let name = binding.pattern.as(IdentifierPatternSyntax.self)?.identifier.trimmed,
        let closure = binding.initializer?.value.as(ClosureExprSyntax.self), closure.signature == nil
      else { return nil }
      var signature = FunctionSignatureSyntax(parameterClause: FunctionParameterClauseSyntax(parameters: []))
      signature.trailingTrivia = .space
      return Syntax(
        FunctionDeclSyntax(
          attributes: attributes, modifiers: modifiers,
          funcKeyword: bindingSpecifier.with(\.tokenKind, .keyword(.func)),
          name: name, signature: signature,
          body: CodeBlockSyntax(
            leftBrace: closure.leftBrace, statements: closure.statements, rightBrace: closure.rightBrace)))
    }
  }
#endif
