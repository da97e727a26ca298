"""What the talking bot says, in Portuguese, English and Spanish (the order of `LANGUAGES`)."""

from __future__ import annotations

Words = tuple[str, str, str]

HELLO: Words = (
    "Olá! A Atalaia avisa quando vem tempo extremo: chuva forte, vento, calor, frio e mais. "
    "Não substitui a defesa civil.",
    "Hello! Atalaia tells you when extreme weather is coming: heavy rain, wind, heat, cold and "
    "more. It does not replace your civil defence.",
    "¡Hola! Atalaia avisa cuando viene tiempo extremo: lluvia fuerte, viento, calor, frío y más. "
    "No sustituye a la defensa civil.",
)
HAS: Words = (
    "Você já recebe avisos de: {places}. Para mais um lugar:",
    "You get alerts for: {places}. To add another place:",
    "Ya recibe avisos de: {places}. Para añadir otro lugar:",
)
WHERE: Words = (
    "De que lugar? Escreva o nome da cidade ou compartilhe sua localização.",
    "Which place? Write the name of the town, or share your location.",
    "¿De qué lugar? Escriba el nombre de la ciudad o comparta su ubicación.",
)
SHARE: Words = ("📍 Compartilhar localização", "📍 Share my location", "📍 Compartir ubicación")
CHAT: Words = (
    "Número desta conversa: {chat}",
    "Number of this chat: {chat}",
    "Número de este chat: {chat}",
)
HELP: Words = (
    "/start – receber avisos, ou mais um lugar\n/stop – não receber mais\n"
    "/mydata – tudo o que guardamos sobre você\n/forget – apagar tudo\n/language – idioma",
    "/start – get alerts, or add a place\n/stop – get no more\n"
    "/mydata – all that we keep about you\n/forget – erase it all\n/language – language",
    "/start – recibir avisos, o añadir un lugar\n/stop – no recibir más\n"
    "/mydata – todo lo que guardamos sobre usted\n/forget – borrarlo todo\n/language – idioma",
)
NOT_FOUND: Words = (
    "Não conheço essa cidade. Tente com o estado (Santa Maria, RS), ou compartilhe sua "
    "localização. /help mostra o que sei fazer.",
    "I do not know that town. Try it with its state (Santa Maria, RS), or share your location. "
    "/help shows what I can do.",
    "No conozco esa ciudad. Pruebe con el estado (Santa Maria, RS), o comparta su ubicación. "
    "/help muestra lo que sé hacer.",
)
TOO_LONG: Words = (
    "É longo demais. Escreva só o nome da cidade.",
    "That is too long. Write the name of the town alone.",
    "Es demasiado largo. Escriba solo el nombre de la ciudad.",
)
WHICH: Words = (
    "Qual delas? Toque, ou responda com o número.",
    "Which one? Tap it, or answer with its number.",
    "¿Cuál de ellas? Toque, o responda con el número.",
)
LEVEL: Words = (
    "{place}, e {radius} km em volta. A partir de que nível quer ser avisado?",
    "{place}, and {radius} km around it. From which level do you want to be told?",
    "{place}, y {radius} km alrededor. ¿A partir de qué nivel quiere recibir avisos?",
)
SUMMARY: Words = (
    "{place}, {radius} km em volta, a partir de: {level}.",
    "{place}, {radius} km around it, from: {level}.",
    "{place}, {radius} km alrededor, a partir de: {level}.",
)
DO_YOU_AGREE: Words = ("Concorda?", "Do you agree?", "¿Está de acuerdo?")
AGREE: Words = ("Concordo", "I agree", "Estoy de acuerdo")
NO: Words = ("Não", "No", "No")
DONE: Words = (
    "Pronto. Você será avisado por aqui. /stop para não receber mais.",
    "Done. You will be told here. /stop to get no more.",
    "Listo. Le avisaremos por aquí. /stop para no recibir más.",
)
CLOSED: Words = (
    "Aqui ainda não se aceitam inscrições: quem opera esta Atalaia precisa antes dizer quem "
    "responde pelos seus dados.",
    "No subscriptions are taken here yet: whoever runs this Atalaia first has to say who answers "
    "for your data.",
    "Aquí aún no se aceptan inscripciones: quien opera esta Atalaia debe antes decir quién "
    "responde por sus datos.",
)
NOT_KEPT: Words = (
    "Isso não pôde ser guardado: talvez já sejam lugares demais. /mydata mostra todos.",
    "This could not be kept: perhaps there are too many places already. /mydata shows them all.",
    "No se pudo guardar: quizá ya son demasiados lugares. /mydata los muestra todos.",
)
NOTHING_DONE: Words = (
    "Está bem. Nada foi guardado nem mudado.",
    "All right. Nothing was kept or changed.",
    "Está bien. No se guardó ni se cambió nada.",
)
OLD_BUTTON: Words = (
    "Esse botão é de uma conversa antiga. Vamos recomeçar.",
    "That button is from an older talk. Let us begin again.",
    "Ese botón es de una conversación anterior. Empecemos de nuevo.",
)
STOPPED: Words = (
    "Você não receberá mais avisos. /start para voltar; /forget apaga o que guardamos.",
    "You will get no more alerts. /start to come back; /forget erases what we keep.",
    "No recibirá más avisos. /start para volver; /forget borra lo que guardamos.",
)
NOTHING_TO_STOP: Words = (
    "Você não recebe avisos por aqui.",
    "You get no alerts here.",
    "No recibe avisos por aquí.",
)
MY_DATA: Words = (
    "Tudo o que guardamos sobre você.",
    "All that we keep about you.",
    "Todo lo que guardamos sobre usted.",
)
FILE_NAME: Words = ("meus-dados.json", "my-data.json", "mis-datos.json")
NOTHING_KEPT: Words = (
    "Não guardamos nada sobre você.",
    "We keep nothing about you.",
    "No guardamos nada sobre usted.",
)
SURE: Words = (
    "Apagar tudo o que guardamos sobre você? Não dá para desfazer, e os avisos param.",
    "Erase all that we keep about you? This cannot be undone, and the alerts stop.",
    "¿Borrar todo lo que guardamos sobre usted? No se puede deshacer, y los avisos cesan.",
)
YES_ERASE: Words = ("Sim, apagar tudo", "Yes, erase it all", "Sí, borrarlo todo")
ERASED: Words = (
    "Tudo foi apagado. Fica só o registro, sem seu nome nem número, de que houve consentimento.",
    "All is erased. What stays is the record, without your name or number, that consent was given.",
    "Todo está borrado. Queda solo el registro, sin su nombre ni número, de que hubo "
    "consentimiento.",
)
LANGUAGE: Words = ("Em que idioma?", "Which language?", "¿En qué idioma?")
SPEAKS: Words = (
    "Agora falo português.",
    "I speak English now.",
    "Ahora hablo español.",
)
NAMES: Words = ("Português", "English", "Español")
CONFIRMED: Words = (
    "Confirmado. Você será avisado por aqui. /stop para não receber mais.",
    "Confirmed. You will be told here. /stop to get no more.",
    "Confirmado. Le avisaremos por aquí. /stop para no recibir más.",
)
WRONG_CODE: Words = (
    "Esse código não vale, ou não vale mais.",
    "That code is not valid, or no longer is.",
    "Ese código no vale, o ya no vale.",
)
THANKS: Words = ("Anotado, obrigado.", "Noted, thank you.", "Anotado, gracias.")
UNKNOWN_MESSAGE: Words = (
    "Esse aviso não está mais guardado.",
    "That alert is no longer kept.",
    "Ese aviso ya no está guardado.",
)
