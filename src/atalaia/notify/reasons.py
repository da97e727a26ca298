"""Why a message stands as it does, as people read it.

What is kept is English: of the stages here, and of the channels, whose reasons are made of fixed
words, numbers and codes (`channels/outcomes.py`). A plug-in's own words, and names of errors, are
shown as they are.
"""

from __future__ import annotations

import re

from atalaia.domain.words import LANGUAGES

_MISFITS = (
    ("", "", ""),
    (": number of parameters", ": número de parâmetros", ": número de parámetros"),
    (": kind of parameters", ": tipo de parâmetros", ": tipo de parámetros"),
    (": no such name and language", ": não há esse nome e idioma", ": no hay ese nombre e idioma"),
    (
        ": its own text is too long",
        ": seu próprio texto é longo demais",
        ": su propio texto es demasiado largo",
    ),
    (": not allowed", ": não é permitido", ": no está permitido"),
)
"""What of WhatsApp's template does not fit, where it says so."""

WORDS: dict[str, tuple[str, str]] = {
    # What became of it here
    "it was over before it could be told": (
        "terminou antes de poder ser avisado",
        "terminó antes de poder avisarse",
    ),
    "something newer took its place": (
        "algo mais novo tomou seu lugar",
        "algo más nuevo tomó su lugar",
    ),
    "it is silenced": ("está silenciado", "está silenciado"),
    "it was told by another channel": (
        "foi avisado por outro canal",
        "se avisó por otro canal",
    ),
    "it had expired before it could be sent": (
        "venceu antes de poder ser enviado",
        "venció antes de poder enviarse",
    ),
    "its beginning was never told": (
        "seu início nunca foi avisado",
        "su inicio nunca se avisó",
    ),
    "it was left out of a message that may have arrived": (
        "ficou fora de uma mensagem que pode ter chegado",
        "quedó fuera de un mensaje que puede haber llegado",
    ),
    "its alerts are no longer in the log": (
        "seus alertas não estão mais no registro",
        "sus alertas ya no están en el registro",
    ),
    "quiet hours": ("horas de silêncio", "horas de silencio"),
    "nobody is told at this address": (
        "ninguém é avisado neste endereço",
        "no se avisa a nadie en esta dirección",
    ),
    "the person has no such address any more": (
        "a pessoa não tem mais esse endereço",
        "la persona ya no tiene esa dirección",
    ),
    "there is nothing left to confirm": (
        "não há mais nada a confirmar",
        "ya no hay nada que confirmar",
    ),
    "what is kept of the person cannot be opened": (
        "o que se guarda da pessoa não pode ser aberto",
        "lo que se guarda de la persona no se puede abrir",
    ),
    "what it tells cannot be looked at": (
        "o que ele conta não pode ser consultado",
        "lo que cuenta no se puede consultar",
    ),
    "others have set aside what is left": (
        "outros processos reservaram o que resta",
        "otros procesos reservaron lo que queda",
    ),
    "# a day are used up": (
        "os # por dia já foram usados",
        "los # por día ya se usaron",
    ),
    "USD # a month are used up": (
        "os US$ # por mês já foram gastos",
        "los US$ # por mes ya se gastaron",
    ),
    "no answer within # s": ("sem resposta em # s", "sin respuesta en # s"),
    "fault in the channel: #": ("falha no canal: #", "fallo en el canal: #"),
    "the channel is off: it is not set up, or has no key yet": (
        "o canal está desligado: não foi configurado, ou ainda não tem chave",
        "el canal está apagado: no está configurado, o aún no tiene clave",
    ),
    "the plug-in gave no outcome": (
        "o plug-in não deu resultado",
        "el complemento no dio resultado",
    ),
    # Any connection
    "no connection in time": ("sem conexão a tempo", "sin conexión a tiempo"),
    "host name not resolved": (
        "nome do servidor não encontrado",
        "nombre del servidor no encontrado",
    ),
    "certificate not accepted": ("certificado não aceito", "certificado no aceptado"),
    "TLS failed": ("TLS falhou", "TLS falló"),
    "cannot connect": ("não foi possível conectar", "no se pudo conectar"),
    "connection refused": ("conexão recusada", "conexión rechazada"),
    "connection lost": ("conexão perdida", "conexión perdida"),
    "connection reset": ("conexão interrompida", "conexión interrumpida"),
    "connection closed without an answer": (
        "conexão fechada sem resposta",
        "conexión cerrada sin respuesta",
    ),
    "no answer in time": ("sem resposta a tempo", "sin respuesta a tiempo"),
    "answer broke off": ("a resposta foi cortada", "la respuesta se cortó"),
    "not an HTTP answer": ("a resposta não é HTTP", "la respuesta no es HTTP"),
    "URL or header not valid": ("URL ou cabeçalho inválido", "URL o cabecera no válida"),
    "the target is not allowed": ("o destino não é permitido", "el destino no está permitido"),
    "refused": ("recusado", "rechazado"),
    "gone": ("não existe mais", "ya no existe"),
    "too large": ("grande demais", "demasiado grande"),
    "no valid secret to sign with": (
        "não há segredo válido para assinar",
        "no hay secreto válido para firmar",
    ),
    # E-mail
    "user or password refused": (
        "usuário ou senha recusados",
        "usuario o contraseña rechazados",
    ),
    "no login just now": ("sem acesso por ora", "sin acceso por ahora"),
    "STARTTLS refused": ("STARTTLS recusado", "STARTTLS rechazado"),
    "server refuses us": ("o servidor nos recusa", "el servidor nos rechaza"),
    "server is busy": ("o servidor está ocupado", "el servidor está ocupado"),
    "message too large": ("mensagem grande demais", "mensaje demasiado grande"),
    "sender refused": ("remetente recusado", "remitente rechazado"),
    "sender's address refused": (
        "endereço do remetente recusado",
        "dirección del remitente rechazada",
    ),
    "no such mailbox": ("essa caixa de correio não existe", "ese buzón no existe"),
    "recipient refused": ("destinatário recusado", "destinatario rechazado"),
    "message refused": ("mensagem recusada", "mensaje rechazado"),
    "not now": ("agora não", "ahora no"),
    "an answer that SMTP does not have": (
        "uma resposta que não existe em SMTP",
        "una respuesta que no existe en SMTP",
    ),
    "the server has no STARTTLS or no login that we know": (
        "o servidor não tem STARTTLS ou forma de acesso que conhecemos",
        "el servidor no tiene STARTTLS o forma de acceso que conozcamos",
    ),
    "not an address that mail can be sent to": (
        "não é um endereço para onde se possa enviar e-mail",
        "no es una dirección a la que se pueda enviar correo",
    ),
    # AWS: SES and SNS
    "AWS refuses the account": ("a AWS recusa a conta", "AWS rechaza la cuenta"),
    "AWS is busy": ("a AWS está ocupada", "AWS está ocupado"),
    "AWS fails": ("a AWS falha", "AWS falla"),
    "no AWS keys": ("sem chaves da AWS", "sin claves de AWS"),
    "no AWS region": ("sem região da AWS", "sin región de AWS"),
    "in SES's sandbox, and not a verified address": (
        "na área de testes do SES, e o endereço não está verificado",
        "en el entorno de pruebas de SES, y la dirección no está verificada",
    ),
    "the number has opted out": (
        "o número pediu para não receber",
        "el número pidió no recibir",
    ),
    # Browsers
    "the subscription is gone": ("a inscrição não existe mais", "la suscripción ya no existe"),
    "the push service does not understand it": (
        "o serviço de notificações não entende",
        "el servicio de notificaciones no lo entiende",
    ),
    "the browser's keys are none": (
        "as chaves do navegador não são chaves",
        "las claves del navegador no son claves",
    ),
    "the key that push services know this home by cannot be read": (
        "não se consegue ler a chave pela qual os serviços de notificações nos conhecem",
        "no se puede leer la clave por la que nos conocen los servicios de notificaciones",
    ),
    # Programs
    "Alertmanager does not take it": ("o Alertmanager não aceita", "Alertmanager no lo acepta"),
    "the service did not take it": ("o serviço não aceitou", "el servicio no lo aceptó"),
    "the Apprise URL names no known service": (
        "a URL do Apprise não nomeia um serviço conhecido",
        "la URL de Apprise no nombra un servicio conocido",
    ),
    "the service's plugin broke: #": (
        "o plug-in do serviço falhou: #",
        "el complemento del servicio falló: #",
    ),
    # Telegram
    "Telegram refuses the token; mend channels.telegram.token": (
        "o Telegram recusa o token; corrija channels.telegram.token",
        "Telegram rechaza el token; corrija channels.telegram.token",
    ),
    "this chat does not exist": ("esta conversa não existe", "este chat no existe"),
    "the account is deleted": ("a conta foi apagada", "la cuenta fue borrada"),
    "the message is too long for Telegram": (
        "a mensagem é longa demais para o Telegram",
        "el mensaje es demasiado largo para Telegram",
    ),
    "the bot may not write in this group": (
        "o robô não pode escrever neste grupo",
        "el bot no puede escribir en este grupo",
    ),
    "Telegram refuses the message (#)": (
        "o Telegram recusa a mensagem (#)",
        "Telegram rechaza el mensaje (#)",
    ),
    "blocked, or thrown out of the group": (
        "bloqueado, ou expulso do grupo",
        "bloqueado, o expulsado del grupo",
    ),
    "Telegram's rate limit": ("limite de envios do Telegram", "límite de envíos de Telegram"),
    "an answer that is not Telegram's": (
        "uma resposta que não é do Telegram",
        "una respuesta que no es de Telegram",
    ),
    # WhatsApp
    "WhatsApp refuses the token; mend channels.whatsapp.token": (
        "o WhatsApp recusa o token; corrija channels.whatsapp.token",
        "WhatsApp rechaza el token; corrija channels.whatsapp.token",
    ),
    "the token may not send for this number; give it the right": (
        "o token não pode enviar por este número; dê-lhe a permissão",
        "el token no puede enviar por este número; dele el permiso",
    ),
    "the business account must be put in order at Meta": (
        "a conta da empresa precisa ser regularizada na Meta",
        "la cuenta de la empresa debe ponerse en regla en Meta",
    ),
    "WhatsApp does not know channels.whatsapp.phone_number_id": (
        "o WhatsApp não conhece channels.whatsapp.phone_number_id",
        "WhatsApp no conoce channels.whatsapp.phone_number_id",
    ),
    "WhatsApp's own fault (#)": (
        "falha do próprio WhatsApp (#)",
        "fallo del propio WhatsApp (#)",
    ),
    "WhatsApp is down or overloaded (#)": (
        "o WhatsApp está fora do ar ou sobrecarregado (#)",
        "WhatsApp está caído o sobrecargado (#)",
    ),
    "WhatsApp is overloaded (#)": (
        "o WhatsApp está sobrecarregado (#)",
        "WhatsApp está sobrecargado (#)",
    ),
    "WhatsApp's rate limit (#)": (
        "limite de envios do WhatsApp (#)",
        "límite de envíos de WhatsApp (#)",
    ),
    "WhatsApp refuses the message (#)": (
        "o WhatsApp recusa a mensagem (#)",
        "WhatsApp rechaza el mensaje (#)",
    ),
    "WhatsApp refuses the kind of message (#)": (
        "o WhatsApp recusa o tipo de mensagem (#)",
        "WhatsApp rechaza el tipo de mensaje (#)",
    ),
    "WhatsApp withholds it as an experiment (#)": (
        "o WhatsApp a retém como experimento (#)",
        "WhatsApp lo retiene como experimento (#)",
    ),
    "WhatsApp does not allow it in this country (#)": (
        "o WhatsApp não permite neste país (#)",
        "WhatsApp no lo permite en este país (#)",
    ),
    "WhatsApp holds it back, as this person gets many (#)": (
        "o WhatsApp a segura, pois esta pessoa recebe muitas (#)",
        "WhatsApp lo frena, pues esta persona recibe muchos (#)",
    ),
    "WhatsApp could not deliver it (#)": (
        "o WhatsApp não conseguiu entregar (#)",
        "WhatsApp no pudo entregarlo (#)",
    ),
    "sender and receiver are the same number (#)": (
        "remetente e destinatário são o mesmo número (#)",
        "remitente y destinatario son el mismo número (#)",
    ),
    "cannot be reached by WhatsApp (#)": (
        "não se alcança por WhatsApp (#)",
        "no se alcanza por WhatsApp (#)",
    ),
    "not among the numbers allowed to a test account (#)": (
        "não está entre os números permitidos a uma conta de teste (#)",
        "no está entre los números permitidos a una cuenta de prueba (#)",
    ),
    "outside the # hours, and not sent as a template (#)": (
        "fora das # horas, e não enviado como modelo (#)",
        "fuera de las # horas, y no enviado como plantilla (#)",
    ),
    "too many marked our messages as spam (#)": (
        "muitos marcaram nossas mensagens como spam (#)",
        "muchos marcaron nuestros mensajes como spam (#)",
    ),
    "wants none from this sender (#)": (
        "não quer nada deste remetente (#)",
        "no quiere nada de este remitente (#)",
    ),
    "too many to this number (#)": (
        "mensagens demais para este número (#)",
        "demasiados mensajes a este número (#)",
    ),
    "the account is being maintained (#)": (
        "a conta está em manutenção (#)",
        "la cuenta está en mantenimiento (#)",
    ),
    **{
        f"the template does not fit; compare it with Atalaia's documentation{english} (#)": (
            f"o modelo não serve; compare com a documentação do Atalaia{portuguese} (#)",
            f"la plantilla no sirve; compárela con la documentación de Atalaia{spanish} (#)",
        )
        for english, portuguese, spanish in _MISFITS
    },
    "Meta paused the template (#)": ("a Meta pausou o modelo (#)", "Meta pausó la plantilla (#)"),
    "Meta switched the template off (#)": (
        "a Meta desligou o modelo (#)",
        "Meta apagó la plantilla (#)",
    ),
    "an answer that is not WhatsApp's": (
        "uma resposta que não é do WhatsApp",
        "una respuesta que no es de WhatsApp",
    ),
    "an answer without a message's id": (
        "uma resposta sem o id da mensagem",
        "una respuesta sin el id del mensaje",
    ),
}
"""By the English reason, ``#`` for numbers and names of errors: in Portuguese, in Spanish."""

_SAID_BY = re.compile(r"(?:SMTP|SES|SNS|HTTP) [\w. ]+: ")
_VARIES = re.compile(r"\d+(?:\.\d+)?|(?<=: )\w+$")


def in_words(reason: str) -> dict[str, str]:
    """A reason in every language, by its name.

    >>> in_words("SMTP 550 5.1.1: no such mailbox")["es"]
    'SMTP 550 5.1.1: ese buzón no existe'
    """
    by, key, varied = parts(reason)
    words = WORDS.get(key)
    if words is None:
        return dict.fromkeys(LANGUAGES, reason)
    portuguese, spanish = (by + _filled(one, varied) for one in words)
    return dict(zip(LANGUAGES, (portuguese, reason, spanish), strict=True))


def parts(reason: str) -> tuple[str, str, list[str]]:
    """By whom with which code, the key of `WORDS`, and what stands where it has ``#``."""
    by = found[0] if (found := _SAID_BY.match(reason)) else ""
    said = reason.removeprefix(by)
    return by, _VARIES.sub("#", said), _VARIES.findall(said)


def _filled(words: str, varied: list[str]) -> str:
    left = iter(varied)
    return re.sub("#", lambda _: next(left), words)
